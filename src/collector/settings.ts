/**
 * The settings of a collector, from the environment.
 * This schema is the only list of them; the table in docs/collector.md and `--help` are made from it.
 */
import { Type, type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { parseProxies } from './http/proxies.js'

const settingsSchema = Type.Object({
  ipHashKey: Type.String({
    description: 'The secret key of the address hash: at least 32 bytes, the same for all collectors on one ' +
      'database. Without it the collector does not start.'
  }),
  databaseUrl: Type.String({
    default: 'sqlite:var/collector.db',
    // Memory and URIs are no file that keeps anything.
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

/** Settings that a collector cannot start with. The message says which, what was expected and what to do. */
export class InvalidSettingsError extends Error {
  override name = 'InvalidSettingsError'
  readonly code = 'invalid_settings'
}

/** `ipHashKey` is `COLLECTOR_IP_HASH_KEY` in the environment. */
export function environmentName (setting: string): string {
  return `COLLECTOR_${setting.replace(/[A-Z]/g, '_$&').toUpperCase()}`
}

interface Described {
  default?: string | number | boolean
  description: string
}

/** Every setting: its name in the environment, its default where it has one, and what it means. */
export const settingsTable = Object.entries<TSchema>(settingsSchema.properties).map(([setting, schema]) => {
  const { default: standard, description } = schema as TSchema & Described
  return { name: environmentName(setting), standard, description }
})

/** @throws InvalidSettingsError, also for a variable that looks like a setting and is none */
export function readSettings (environment: NodeJS.ProcessEnv): CollectorSettings {
  checkNames(Object.keys(environment))
  const given: Record<string, unknown> = {}
  for (const [setting, { type }] of Object.entries<TSchema & { type?: string }>(settingsSchema.properties)) {
    // An empty variable is how compose files and unit files write "not set".
    const value = environment[environmentName(setting)]?.trim()
    if (value) given[setting] = convert(value, type)
  }
  return completeSettings(given as Partial<CollectorSettings>)
}

/** Reads what is plainly a value of the type; all else stays text, and is refused as such. */
function convert (text: string, type?: string): unknown {
  // Digits alone: `Value.Convert` takes 1.5 as 1, and 1e3 as a thousand.
  if (type === 'integer' && /^-?\d+$/.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

/** Adds the defaults, and refuses what a collector cannot keep its promise with. @throws InvalidSettingsError */
export function completeSettings (given: Partial<CollectorSettings>): CollectorSettings {
  checkHashKey(given.ipHashKey)
  const settings = Value.Default(settingsSchema, { ...given }) as CollectorSettings
  const [error] = Value.Errors(settingsSchema, settings)
  // A pattern says nothing to a person; the description says what is expected.
  if (error) {
    const setting = error.instancePath.split('/')[1] ?? ''
    const problem = error.keyword === 'pattern' ? 'is not in the expected form' : error.message
    throw new InvalidSettingsError(`${environmentName(setting)} ${problem}. ${meaning(setting)}`)
  }
  checkProxies(settings.trustProxy)
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

/** The name that begins like it, or is nearest to it by what would have to be typed anew; undefined if none is near. */
function nearestName (unknown: string, names: string[]): string | undefined {
  const begins = names.find((name) => name.startsWith(unknown) || unknown.startsWith(name))
  if (begins) return begins
  const [nearest] = names.map((name) => ({ name, edits: editsBetween(unknown, name) }))
    .toSorted((a, b) => a.edits - b.edits)
  return nearest && nearest.edits <= 4 ? nearest.name : undefined
}

/** Levenshtein distance: characters to insert, delete or replace. */
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
    parseProxies(proxies)
  } catch (error) {
    const entry = JSON.stringify((error as Error).message)
    throw new InvalidSettingsError(`${environmentName('trustProxy')} has ${entry}, ` +
      `which is no address or network. ${meaning('trustProxy')}`)
  }
}
