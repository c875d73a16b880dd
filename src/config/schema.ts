import { Type, type Static, type TSchema } from 'typebox'

/**
 * The keys of flowforge.yml: their types, defaults and meanings.
 *
 * Unknown keys are allowed, because the file of another release may have more. `telemetry` is not checked here:
 * telemetry validates its own section, more strictly than a schema could.
 */
export const configSchema = Type.Object({
  host: Type.String({ default: 'localhost', description: 'The address to listen on. 0.0.0.0 listens on all.' }),
  port: Type.Integer({
    default: 3000,
    minimum: 0,
    maximum: 65535,
    description: 'The port to listen on; 0 takes any free one. The environment variable PORT overrides it.'
  }),
  base_url: Type.Optional(Type.String({
    pattern: '^https?://\\S+$',
    description: 'Where people reach the platform: an http or https URL without a path. ' +
      'Behind https, cookies are marked secure.'
  })),
  trust_proxy: Type.Array(Type.String(), {
    default: [],
    description: 'The reverse proxies in front, by IP address or network. Their X-Forwarded-For, -Proto, -Host count.'
  }),
  db: Type.Object({
    type: Type.Enum(['sqlite', 'postgres'], {
      default: 'sqlite',
      description: 'sqlite for one server, postgres for several that share one database.'
    }),
    storage: Type.String({ default: 'flowforge.db', description: 'sqlite: the file, in the data directory.' }),
    host: Type.String({ default: 'localhost', description: 'postgres: the server.' }),
    port: Type.Integer({ default: 5432, minimum: 1, maximum: 65535, description: 'postgres: its port.' }),
    user: Type.String({ default: 'flowforge', description: 'postgres: who connects.' }),
    password: Type.Optional(Type.String({ description: 'postgres: the password of that user.' })),
    database: Type.String({ default: 'flowforge', description: 'postgres: the name of the database.' }),
    ssl: Type.Boolean({ default: false, description: 'postgres: whether the connection is encrypted.' })
  }, { default: {} }),
  driver: Type.Object({
    type: Type.String({ default: 'localfs', description: 'What runs the projects.' })
  }, { default: {} }),
  logging: Type.Object({
    level: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace'], {
      default: 'info',
      description: 'The least severe message that is logged.'
    })
  }, { default: {} }),
  telemetry: Type.Optional(Type.Unknown())
})

export type ConfigValues = Static<typeof configSchema>

/** Describes the values that a key accepts: `a whole number from 0 to 65535`. */
export function describeExpected (schema: TSchema): string {
  const { type, enum: choices, pattern, minimum, maximum } = schema as TSchema & {
    type?: string, enum?: string[], pattern?: string, minimum?: number, maximum?: number
  }
  if (choices) return choices.join(', ').replace(/, (\w+)$/, ' or $1')
  if (type === 'integer') return `a whole number from ${minimum} to ${maximum}`
  if (type === 'boolean') return 'true or false'
  if (type === 'array') return 'a list of IP addresses or networks, such as [127.0.0.1, 10.0.0.0/8]'
  if (type === 'object') return 'a section of keys'
  return pattern ? 'an http or https URL' : 'text'
}
