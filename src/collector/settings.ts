/**
 * The settings of a collector, from the environment.
 * This schema is the only list of them; the table in docs/collector.md and `--help` are generated from it.
 */
import { Type, type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { parseProxies } from '../network/addresses.js'
import { parsePostgresUrl } from './storage/postgres.js'

const settingsSchema = Type.Object({
  ipHashKey: Type.String({
    description: 'The secret key of the address hash: at least 32 bytes, the same for all collectors on one ' +
      'database. Without it the collector does not start.'
  }),
  databaseUrl: Type.String({
    default: 'sqlite:var/collector.db',
    // Excludes `:memory:` and URIs, which may not be stored in a file.
    pattern: '^(sqlite:(?!:memory:|file:)(?=.*[^\\s]).*[^/]|postgres(ql)?://.+)$',
    description: '`sqlite:FILE`, or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with `?sslmode=require` for TLS.'
  }),
  reportDatabaseUrl: Type.Optional(Type.String({
    pattern: '^postgres(ql)?://.+$',
    description: 'A read replica for the report. Without it the report reads the database of the intake.'
  })),
  host: Type.String({ default: '127.0.0.1', description: 'The address to listen on.' }),
  port: Type.Integer({ default: 8080, minimum: 0, maximum: 65535, description: 'The port to listen on.' }),
  trustProxy: Type.Optional(Type.String({
    description: 'The proxies whose `X-Forwarded-For` counts: their addresses or networks, separated by commas ' +
      '(`10.0.0.0/8, loopback`). Without it the header is ignored.'
  })),
  retentionDays: Type.Integer({
    default: 90, minimum: 1, maximum: 3650, description: 'Pings older than this are deleted. The daily figures stay.'
  }),
  newPerAddress: Type.Integer({
    default: 20,
    minimum: 1,
    maximum: 10_000,
    description: 'New installations a day that count from one address (an IPv6 /64 is one). More are stored and ' +
      'answered, and count in no figure.'
  }),
  rateLimit: Type.Integer({
    default: 60,
    minimum: 1,
    description: 'Requests a minute from one address (an IPv6 /64 is one). More are answered with 429.'
  }),
  requestTimeout: Type.Integer({
    default: 10, minimum: 1, maximum: 300, description: 'Seconds that a sender has for its whole request.'
  }),
  reportToken: Type.Optional(Type.String({
    minLength: 16,
    description: 'The secret that opens `/report` and `/metrics`, 16 characters or more. Without it there is neither.'
  })),
  public: Type.Boolean({
    default: false, description: '`true` opens `/usage`, the figures of finished weeks, to everybody without a token.'
  }),
  logLevel: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info', description: '`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.'
  })
})

export type CollectorSettings = Static<typeof settingsSchema>

/** The collector cannot start with these settings. The message names the setting, what is expected, and what to do. */
export class InvalidSettingsError extends Error {
  override name = 'InvalidSettingsError'
  readonly code = 'invalid_settings'
}

/** Returns the environment variable of a setting: `ipHashKey` is `COLLECTOR_IP_HASH_KEY`. */
export function environmentName (setting: string): string {
  return `COLLECTOR_${setting.replace(/[A-Z]/g, '_$&').toUpperCase()}`
}

interface Described {
  default?: string | number | boolean
  description: string
}

/** All settings: their names in the environment, their defaults if they have one, and their meanings. */
export const settingsTable = Object.entries<TSchema>(settingsSchema.properties).map(([setting, schema]) => {
  const { default: standard, description } = schema as TSchema & Described
  return { name: environmentName(setting), standard, description }
})

/** Reads the settings from the environment. @throws InvalidSettingsError, also for an unknown `COLLECTOR_` variable */
export function readSettings (environment: NodeJS.ProcessEnv): CollectorSettings {
  checkNames(Object.keys(environment))
  const given: Record<string, unknown> = {}
  for (const [setting, { type }] of Object.entries<TSchema & { type?: string }>(settingsSchema.properties)) {
    // In compose and unit files, an empty variable means "not set".
    const value = environment[environmentName(setting)]?.trim()
    if (value) given[setting] = convert(value, type)
  }
  return completeSettings(given as Partial<CollectorSettings>)
}

/** Converts a text to the type of the setting; returns any other text unchanged, which is refused later. */
function convert (text: string, type?: string): unknown {
  // Only digits, because `Value.Convert` would read 1.5 as 1, and 1e3 as 1000.
  if (type === 'integer' && /^-?\d+$/.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

/** Adds the defaults, and validates all settings. @throws InvalidSettingsError */
export function completeSettings (given: Partial<CollectorSettings>): CollectorSettings {
  checkHashKey(given.ipHashKey)
  const settings = Value.Default(settingsSchema, { ...given }) as CollectorSettings
  const [error] = Value.Errors(settingsSchema, settings)
  // A pattern is hard to read; the description explains what is expected.
  if (error) {
    const setting = error.instancePath.split('/')[1] ?? ''
    const problem = error.keyword === 'pattern' ? 'is not in the expected form' : error.message
    throw new InvalidSettingsError(`${environmentName(setting)} ${problem}. ${meaning(setting)}`)
  }
  checkProxies(settings.trustProxy)
  checkUrl('databaseUrl', settings.databaseUrl)
  checkUrl('reportDatabaseUrl', settings.reportDatabaseUrl)
  return settings
}

function meaning (setting: string): string {
  return settingsTable.find(({ name }) => name === environmentName(setting))?.description ?? ''
}

function checkNames (variables: string[]): void {
  const names = settingsTable.map(({ name }) => name)
  const unknown = variables.find((name) => name.startsWith('COLLECTOR_') && !names.includes(name))
  if (unknown === undefined) return
  const nearest = nearestName(unknown, names)
  throw new InvalidSettingsError(`${unknown} is not a setting. ${nearest
    ? `Did you mean ${nearest}?`
    : `The settings are ${names.join(', ')}.`}`)
}

/** Finds the name with the same beginning, or with the fewest edits, at most 4; undefined if there is none. */
function nearestName (unknown: string, names: string[]): string | undefined {
  const begins = names.find((name) => name.startsWith(unknown) || unknown.startsWith(name))
  if (begins) return begins
  const [nearest] = names.map((name) => ({ name, edits: editsBetween(unknown, name) }))
    .toSorted((a, b) => a.edits - b.edits)
  return nearest && nearest.edits <= 4 ? nearest.name : undefined
}

/** Computes the Levenshtein distance: the characters to insert, delete or replace. */
function editsBetween (a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}

function checkHashKey (key = ''): void {
  const bytes = Buffer.byteLength(key)
  if (bytes >= 32) return
  throw new InvalidSettingsError(`${environmentName('ipHashKey')} must be a secret of at least 32 bytes, and ` +
    `${bytes === 0 ? 'is not set' : `has ${bytes}`}. Make one with: openssl rand -hex 32`)
}

function checkProxies (proxies?: string): void {
  if (proxies === undefined) return
  try {
    parseProxies(proxies.split(','))
  } catch (error) {
    const name = environmentName('trustProxy')
    throw new InvalidSettingsError(`${name}: ${(error as Error).message}. ${meaning('trustProxy')}`)
  }
}

/** Refuses a URL that cannot be parsed. The message does not repeat it, as it may contain a password. */
function checkUrl (setting: 'databaseUrl' | 'reportDatabaseUrl', url?: string): void {
  if (url === undefined || url.startsWith('sqlite:')) return
  try {
    parsePostgresUrl(url)
  } catch {
    throw new InvalidSettingsError(`${environmentName(setting)} cannot be read as a URL. In a password write %25 for ` +
      `a %, %40 for an @, %2F for a /. ${meaning(setting)}`)
  }
}
