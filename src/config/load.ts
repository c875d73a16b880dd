import { existsSync, readFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { inspect } from 'node:util'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Value } from 'typebox/value'
import { ConfigError } from './config-error.js'
import { configSchema, describeExpected, type ConfigValues } from './schema.js'
import { parseSource, type ConfigSource } from './source.js'
import { readVersion } from './version.js'

/** The operator's settings, checked and frozen: what every capability sees as `app.config`. */
export interface PlatformConfig extends Readonly<ConfigValues> {
  /** The release of the platform, from package.json. */
  readonly version: string
  /** Where the platform keeps its data: `$FLOWFORGE_HOME/var`, else `./var`. */
  readonly dataDirectory: string
  /** The absolute path of flowforge.yml. Telemetry reads its text, too. */
  readonly configFile: string
  /** The place of a key in words, `flowforge.yml, line 12`. */
  readonly locate: ConfigSource['locate']
}

type Environment = Record<string, string | undefined>

const check = Compile(configSchema)

/**
 * Finds, reads and checks flowforge.yml.
 *
 * @param file what `--config` named; without it `$FLOWFORGE_HOME/etc/flowforge.yml`, else `./flowforge.yml`
 * @throws ConfigError naming file, line, key, what was expected and what was found
 */
export function loadConfig (file?: string, environment: Environment = process.env): PlatformConfig {
  const path = findConfigFile(file, environment)
  const source = parseSource(readConfigFile(path), shorten(path))
  const values = checkValues(source)
  return deepFreeze({
    ...values,
    port: portFrom(environment) ?? values.port,
    version: readVersion(),
    dataDirectory: resolve(environment.FLOWFORGE_HOME ?? '.', 'var'),
    configFile: path,
    locate: source.locate
  })
}

function findConfigFile (file: string | undefined, { FLOWFORGE_HOME: home }: Environment): string {
  if (file) return resolve(file)
  const places = [...(home ? [resolve(home, 'etc', 'flowforge.yml')] : []), resolve('flowforge.yml')]
  const found = places.find((place) => existsSync(place))
  // Starting without it could be starting against the operator's no.
  if (!found) throw new ConfigError(`flowforge.yml was not found at ${places.join(' or ')}; name one with --config FILE`)
  return found
}

function readConfigFile (path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError(`${path} cannot be read: ${(error as Error).message}`)
  }
}

function shorten (path: string): string {
  const fromHere = relative('', path)
  return fromHere.startsWith('..') ? path : fromHere
}

function checkValues ({ values, locate }: ConfigSource): ConfigValues {
  const known = Object.entries(configSchema.properties).flatMap(([key]) => {
    const value = values[key]
    return value === undefined || value === null ? [] : [[key, structuredClone(value)]]
  })
  const config = Value.Default(configSchema, Object.fromEntries(known))
  const [problem] = check.Errors(config)
  if (!problem) return config as ConfigValues
  const path = problem.instancePath.slice(1).split('/')
  const value = Value.Pointer.Get(config, problem.instancePath)
  // A password is never printed, not even a wrong one.
  const found = path.at(-1) === 'password' ? `a ${typeof value}` : inspect(value, { breakLength: Infinity })
  throw new ConfigError(
    `${locate(...path)}: ${path.join('.')}: expected ${describeExpected(schemaAt(path))}, found ${found}`)
}

function schemaAt (path: string[]): TSchema {
  return path.reduce<TSchema>((schema, key) => (schema as { properties: Record<string, TSchema> }).properties[key]!, configSchema)
}

function portFrom ({ PORT }: Environment): number | undefined {
  if (!PORT) return undefined
  const { port } = configSchema.properties
  if (/^\d{1,5}$/.test(PORT) && Value.Check(port, Number(PORT))) return Number(PORT)
  throw new ConfigError(`the environment variable PORT: expected ${describeExpected(port)}, found "${PORT}"`)
}

function deepFreeze<T> (value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(deepFreeze)
  }
  return value
}
