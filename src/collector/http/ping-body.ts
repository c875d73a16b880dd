/**
 * The ping as it may arrive: the ping's own schema, made tolerant. Releases older and newer than this one are
 * welcome: what they do not know may be absent or null, what this one does not know may be there.
 */
import type { TSchema } from 'typebox'
import { pingSchema } from '../../telemetry/ping.js'

type JsonSchema = Record<string, unknown>

/** No control characters and no halves of characters: no database stores them all, and no name holds them. */
const PLAIN_TEXT = '^[^\\p{Cc}\\p{Cs}]*$'

/** What the schema tells people; the check knows no such keyword. */
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
  // A name outside a fixed set is no error here: it is folded where the row is made.
  if (names) return { type: 'string', maxLength: 128, nullable: true }
  return rest.type === 'string' ? { ...rest, pattern: PLAIN_TEXT, nullable: true } : { ...rest, nullable: true }
}
