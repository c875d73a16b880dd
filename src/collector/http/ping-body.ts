/**
 * The schema of arriving pings, which tolerates older and newer releases: properties may be absent or null, and unknown
 * properties may be present.
 */
import type { TSchema } from 'typebox'
import { pingSchema } from '../../telemetry/ping.js'

type JsonSchema = Record<string, unknown>

/** Excludes control characters and unpaired surrogates, which not every database can store. */
const PLAIN_TEXT = '^[^\\p{Cc}\\p{Cs}]*$'

/** Removes the keywords for people, which the validator does not know. */
function withoutWords (schema: TSchema): JsonSchema {
  const { description, why, since, ...rest } = schema as JsonSchema
  return rest
}

export const instanceId = withoutWords(pingSchema.properties.instanceId)

export const pingBody: JsonSchema = {
  type: 'object',
  required: ['instanceId'],
  properties: { ...tolerateEach(pingSchema.properties), instanceId }
}

function tolerateEach (properties: Record<string, TSchema>): JsonSchema {
  return Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, tolerate(property)]))
}

function tolerate (schema: TSchema): JsonSchema {
  const { properties, enum: names, ...rest } =
    withoutWords(schema) as JsonSchema & { properties?: Record<string, TSchema> }
  if (properties) return { type: 'object', nullable: true, properties: tolerateEach(properties) }
  // A name outside the fixed set is not an error: rowOf replaces it by `other`.
  if (names) return { type: 'string', maxLength: 128, nullable: true }
  return rest.type === 'string' ? { ...rest, pattern: PLAIN_TEXT, nullable: true } : { ...rest, nullable: true }
}
