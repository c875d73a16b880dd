/**
 * What the operator of a collector decides, from the environment, as services are run.
 * This schema is the only list of it; the table in docs/collector.md is made from it.
 */
import ipaddr from 'ipaddr.js'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'

const settingsSchema = Type.Object({
  ipHashKey: Type.String({
    description: 'The secret key of the address hash: at least 32 bytes, the same for all collectors on one database. ' +
      'Without it the collector does not start.'
  }),
  databaseUrl: Type.String({
    default: 'sqlite:var/collector.db',
    pattern: '^(sqlite:.+|postgres(ql)?://.+)$',
    description: '`sqlite:FILE`, or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with `?sslmode=require` for TLS.'
  }),
  reportDatabaseUrl: Type.Optional(Type.String({
    pattern: '^postgres(ql)?://.+$',
    description: 'A read replica for the report. Without it the report reads the database of the intake.'
  })),
  host: Type.String({ default: '127.0.0.1', description: 'The address to listen on.' }),
  port: Type.Integer({ default: 8080, minimum: 0, maximum: 65535, description: 'The port to listen on.' }),
  trustProxy: Type.Optional(Type.String({
    description: 'Whose `X-Forwarded-For` counts: the addresses of the proxies in front, separated by commas ' +
      '(`10.0.0.0/8, loopback`), or how many there are (`1`). Without it the header is ignored.'
  })),
  retentionDays: Type.Integer({ default: 365, minimum: 1, maximum: 36500, description: 'Pings older than this are deleted.' }),
  rateLimit: Type.Integer({ default: 60, minimum: 1, description: 'Pings a minute from one address. More are answered with 429.' }),
  requestTimeout: Type.Integer({
    default: 10, minimum: 1, maximum: 300, description: 'Seconds that a sender has for its whole request.'
  }),
  reportToken: Type.Optional(Type.String({
    minLength: 16, description: 'The secret that opens `/report`, 16 characters or more. Without it there is no report.'
  })),
  logLevel: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info', description: '`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.'
  })
})

export type CollectorSettings = Static<typeof settingsSchema>

/** Settings that a collector cannot start with. The message says which, what was expected and what to do. */
export class InvalidSettingsError extends Error {
  readonly code = 'invalid_settings'
}

/** `ipHashKey` is `COLLECTOR_IP_HASH_KEY` in the environment. */
export function environmentName (setting: string): string {
  return `COLLECTOR_${setting.replace(/[A-Z]/g, '_$&').toUpperCase()}`
}

/** Every setting: its name in the environment, its default where it has one, and what it means. */
export const settingsTable = Object.entries(settingsSchema.properties).map(([setting, schema]) => {
  const { default: standard, description } = schema as unknown as { default?: string | number, description: string }
  return { name: environmentName(setting), standard, description }
})

/** @throws InvalidSettingsError */
export function readSettings (environment: NodeJS.ProcessEnv): CollectorSettings {
  const given: Record<string, string> = {}
  for (const setting of Object.keys(settingsSchema.properties)) {
    // An empty variable is how compose files and unit files write "not set".
    const value = environment[environmentName(setting)]?.trim()
    if (value) given[setting] = value
  }
  return completeSettings(Value.Convert(settingsSchema, given) as Partial<CollectorSettings>)
}

/** Adds the defaults, and refuses what a collector cannot keep its promise with. @throws InvalidSettingsError */
export function completeSettings (given: Partial<CollectorSettings>): CollectorSettings {
  checkHashKey(given.ipHashKey)
  const settings = Value.Default(settingsSchema, { ...given })
  const [error] = Value.Errors(settingsSchema, settings)
  if (error) {
    const setting = error.instancePath.split('/')[1] ?? ''
    throw new InvalidSettingsError(`${environmentName(setting)} ${error.message}. ${meaning(setting)}`)
  }
  checkProxies((settings as CollectorSettings).trustProxy)
  return settings as CollectorSettings
}

function meaning (setting: string): string {
  return settingsTable.find(({ name }) => name === environmentName(setting))?.description ?? ''
}

function checkHashKey (key = ''): void {
  const bytes = Buffer.byteLength(key)
  if (bytes >= 32) return
  throw new InvalidSettingsError(`${environmentName('ipHashKey')} must be a secret of at least 32 bytes, and ` +
    `${bytes === 0 ? 'is not set' : `has ${bytes}`}. Make one with: openssl rand -hex 32`)
}

const PROXY_NAMES = ['loopback', 'linklocal', 'uniquelocal']

function checkProxies (proxies?: string): void {
  if (proxies === undefined || /^\d+$/.test(proxies)) return
  for (const proxy of proxies.split(',').map((each) => each.trim())) {
    if (PROXY_NAMES.includes(proxy) || ipaddr.isValid(proxy) || ipaddr.isValidCIDR(proxy)) continue
    throw new InvalidSettingsError(`${environmentName('trustProxy')} names ${JSON.stringify(proxy)}, which is no ` +
      `address, network or number. ${meaning('trustProxy')}`)
  }
}
