/**
 * The ping: the one message that telemetry sends.
 *
 * This schema is its only declaration. The type, the allow-list, the check before sending, the collector's check and
 * columns, the table on the Admin Settings page and the one in docs/privacy.md are derived from it.
 *
 * To add a property, set its `since` to the next version, and SCHEMA_VERSION in types.ts to the same.
 */
import { Type, type Static, type TObject, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { INSTANCE_ID, SCHEMA_VERSION } from './types.js'

/** The description of a property, as shown to administrators. */
interface Told {
  description: string
  /** Why it is sent. */
  why: string
  /** The version of the schema that added it. It is sent only if that version or a later one was agreed to. */
  since: number
}

/** Declares a text of 1 to 128 characters: enough for any release name, and for little else. */
const text = (told: Told) => Type.String({ minLength: 1, maxLength: 128, ...told })

/** Declares a count from 0 to 2,147,483,647, the range of a 32-bit column. */
const count = (told: Told) => Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1, ...told })

const closed = { additionalProperties: false }

/** The driver names that may be sent. Any other name could identify its owner, and is sent as `other`. */
export const DRIVERS = ['localfs', 'docker', 'k8s', 'kubernetes', 'stub', 'other'] as const

export const pingSchema = Type.Object({
  instanceId: Type.String({
    pattern: INSTANCE_ID.source,
    description: 'A random UUID, made once per installation and derived from nothing.',
    why: 'It tells two pings of one installation from the pings of two, so that each counts once.',
    since: 1
  }),
  os: Type.Object({
    type: text({
      description: 'The name of the operating system.', why: 'To test on the systems that are in use.', since: 1
    }),
    release: text({
      description: 'The release of the operating system.',
      why: 'To know when nobody needs the support of an old release any more.',
      since: 1
    }),
    arch: text({
      description: 'The architecture of the processor.', why: 'To build for the processors that are in use.', since: 1
    })
  }, closed),
  env: Type.Object({
    nodejs: text({
      description: 'The version of Node.js.', why: 'To know which versions of Node.js must keep working.', since: 1
    }),
    flowforge: text({
      description: 'The version of FlowForge.',
      why: 'To know how soon releases are installed, and which need fixes.',
      since: 1
    })
  }, closed),
  platform: Type.Object({
    counts: Type.Object({
      users: count({
        description: 'How many users there are.', why: 'To test with as many as there really are.', since: 1
      }),
      teams: count({
        description: 'How many teams there are.', why: 'To learn whether teams are used, and how.', since: 1
      }),
      projects: count({
        description: 'How many projects there are.', why: 'To test with as many as there really are.', since: 1
      })
    }, closed),
    config: Type.Object({
      driver: Type.Enum(DRIVERS, {
        description: 'The kind of driver that runs the projects: ' +
          `${DRIVERS.slice(0, -1).join(', ')}. Any other is sent as "other".`,
        why: 'To work on the drivers that are in use.',
        since: 1
      })
    }, closed)
  }, closed)
}, closed)

export type Ping = Static<typeof pingSchema>

/** One value of the ping: its path, for example `platform.counts.users`, and its schema. */
export interface PingProperty {
  path: string
  schema: TSchema & Told
}

/** All values of a ping, in the order in which it is serialised. */
export const pingProperties: readonly PingProperty[] = leaves(pingSchema)

/** Lists the values that were added to the schema after `version`. */
export function propertiesSince (version: number): PingProperty[] {
  return pingProperties.filter(({ schema }) => schema.since > version)
}

function leaves (schema: TObject, parent = ''): PingProperty[] {
  return Object.entries(schema.properties).flatMap(([name, property]) => {
    const path = parent + name
    return 'properties' in property
      ? leaves(property as TObject, `${path}.`)
      : [{ path, schema: property as PingProperty['schema'] }]
  })
}

/** Returns the schema as it was in `version`, closed like the current one. */
function schemaAt (version: number, { properties }: TObject = pingSchema): TObject {
  const agreed = Object.entries(properties).flatMap(([name, property]): [string, TSchema][] => {
    if (!('properties' in property)) {
      return (property as PingProperty['schema']).since > version ? [] : [[name, property]]
    }
    const group = schemaAt(version, property as TObject)
    return Object.keys(group.properties).length > 0 ? [[name, group]] : []
  })
  return Type.Object(Object.fromEntries(agreed), closed)
}

/** Leaves out properties that `newest` has and `agreed` has not. Unknown properties stay, and fail the check later. */
function withoutNewer (value: object, newest: TObject, agreed: TObject): object {
  const kept = Object.entries(value).flatMap(([name, child]: [string, unknown]) => {
    const [known, allowed] = [newest.properties[name], agreed.properties[name]]
    if (known && !allowed) return []
    const isGroup = known && 'properties' in known && typeof child === 'object' && child !== null
    return [[name, isGroup ? withoutNewer(child, known as TObject, allowed as TObject) : child]]
  })
  return Object.fromEntries(kept) as object
}

/** A ping does not match its schema, and is not sent. */
export class InvalidPingError extends Error {
  readonly code = 'invalid_ping'
}

/**
 * Serialises a ping to the exact text that is previewed, recorded and posted, byte for byte, in UTF-8. Checks this
 * text, not the object it was made from.
 *
 * @param version the version of the schema that was agreed to; properties added later are left out
 * @throws InvalidPingError naming the property that does not match the schema
 */
export function serialisePing (ping: Ping, version = SCHEMA_VERSION): string {
  const agreed = schemaAt(version)
  const body = JSON.stringify(withoutNewer(ping, pingSchema, agreed))
  const [error] = Value.Errors(agreed, JSON.parse(body))
  if (error) {
    throw new InvalidPingError(`The ping does not match its schema: ${error.instancePath || '/'} ${error.message}`)
  }
  return body
}
