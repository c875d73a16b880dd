/**
 * The ping: the one message that telemetry sends.
 *
 * This schema is the only declaration of it. Its type, its allow-list, the check before sending, the collector's
 * check and columns, the table on the Admin Settings page and the one in docs/privacy.md all come from here.
 */
import { Type, type Static, type TObject, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { INSTANCE_ID } from './types.js'

/** Longer than any real release name, and short enough that nothing else fits in. */
const text = (description: string) => Type.String({ minLength: 1, maxLength: 128, description })

/** As many as a 32-bit column holds. */
const count = (description: string) => Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1, description })

const closed = { additionalProperties: false }

/** The version of this schema. It counts up with each property that joins the ping. */
export const SCHEMA_VERSION = 1

/** The drivers that may be named. Any other name could identify its owner and becomes `other`. */
export const DRIVERS = ['localfs', 'docker', 'k8s', 'kubernetes', 'stub', 'other'] as const

export const pingSchema = Type.Object({
  instanceId: Type.String({
    pattern: INSTANCE_ID.source,
    description: 'A random UUID, made once per installation and derived from nothing. It tells two pings of one ' +
      'installation from the pings of two.'
  }),
  os: Type.Object({
    type: text('The name of the operating system.'),
    release: text('The release of the operating system.'),
    arch: text('The architecture of the processor.')
  }, closed),
  env: Type.Object({
    nodejs: text('The version of Node.js.'),
    flowforge: text('The version of FlowForge.')
  }, closed),
  platform: Type.Object({
    counts: Type.Object({
      users: count('How many users there are.'),
      teams: count('How many teams there are.'),
      projects: count('How many projects there are.')
    }, closed),
    config: Type.Object({
      driver: Type.Enum(DRIVERS, {
        description: 'The kind of driver that runs the projects. A name other than these is sent as "other".'
      })
    }, closed)
  }, closed)
}, closed)

export type Ping = Static<typeof pingSchema>

/** One value of the ping: where it stands, `platform.counts.users` say, and its schema. */
export interface PingProperty {
  path: string
  schema: TSchema & { description: string }
}

/** Every value that a ping carries, in the order in which it carries them. */
export const pingProperties: readonly PingProperty[] = leaves(pingSchema)

function leaves (schema: TObject, parent = ''): PingProperty[] {
  return Object.entries(schema.properties).flatMap(([name, property]) => {
    const path = parent + name
    return 'properties' in property
      ? leaves(property as TObject, `${path}.`)
      : [{ path, schema: property as PingProperty['schema'] }]
  })
}

/** A ping that does not match its schema. It is never sent. */
export class InvalidPingError extends Error {
  readonly code = 'invalid_ping'
}

/**
 * The exact text of a ping: what is previewed, recorded and posted, byte for byte, in UTF-8.
 * It is the text that is checked, not the object it came from.
 *
 * @throws InvalidPingError naming the property that does not match the schema
 */
export function serialisePing (ping: Ping): string {
  const body = JSON.stringify(ping)
  const [error] = Value.Errors(pingSchema, JSON.parse(body))
  if (error) throw new InvalidPingError(`the ping was not sent: ${error.instancePath || '/'} ${error.message}`)
  return body
}
