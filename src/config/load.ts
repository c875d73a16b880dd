import { isIP } from 'node:net'
import { relative, resolve } from 'node:path'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Value } from 'typebox/value'
import { showValue } from '../telemetry/config.js'
import { readConfigText } from '../telemetry/config-file.js'
import { ConfigError } from './config-error.js'
import { findConfigFile } from './find-file.js'
import { configSchema, describeExpected, type ConfigValues } from './schema.js'
import { parseSource, type ConfigSource } from './source.js'
import { readVersion } from './version.js'

/** The operator's configuration, validated and frozen; available as `app.config`. */
export interface PlatformConfig extends Readonly<ConfigValues> {
  /** The release of the platform, from package.json. */
  readonly version: string
  /** The directory of the platform's data: `$FLOWFORGE_HOME/var`, else `./var`. */
  readonly dataDirectory: string
  /** The absolute path of flowforge.yml. Telemetry reads its text, too. */
  readonly configFile: string
  /** Returns the place of a key in words: `flowforge.yml, line 12`. */
  readonly locate: ConfigSource['locate']
}

type Environment = Record<string, string | undefined>

const check = Compile(configSchema)

/**
 * Finds, reads and validates flowforge.yml.
 *
 * @param file the path that `--config` names; if absent, `findConfigFile` finds one
 * @throws ConfigError naming the file, line and key, the expected value and the actual one
 */
export function loadConfig (file?: string, environment: Environment = process.env): PlatformConfig {
  const path = findConfigFile(file, environment.FLOWFORGE_HOME)
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

function readConfigFile (path: string): string {
  try {
    return readConfigText(path)
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
  if (!problem) {
    checkHosts(config as ConfigValues, locate)
    checkBaseUrl(config as ConfigValues, locate)
    checkProxies(config as ConfigValues, locate)
    checkStorage(config as ConfigValues, locate)
    return config as ConfigValues
  }
  const path = problem.instancePath.slice(1).split('/')
  const value = Value.Pointer.Get(config, problem.instancePath)
  const schema = schemaAt(path)
  throw new ConfigError(`${locate(...path)}: ${path.join('.')}: ` +
    `expected ${describeExpected(schema)}, found ${describeFound(value, schema)}`)
}

/** Describes a value. Repeats a number only if a number is expected, because otherwise it may be a password. */
function describeFound (value: unknown, schema: TSchema): string {
  return typeof value === 'number' && (schema as { type?: string }).type !== 'integer' ? 'a number' : showValue(value)
}

/** @throws ConfigError if a host is a URL; the message does not repeat it, because it may include a password */
function checkHosts ({ host, db }: ConfigValues, locate: ConfigSource['locate']): void {
  const [wrong] = [['host', host], ['db.host', db.host]].find(([, value]) => /@|:\/\/|\s/.test(value!)) ?? []
  if (!wrong) return
  throw new ConfigError(`${locate(...wrong.split('.'))}: ${wrong}: expected a host name or an address, not a URL`)
}

/** @throws ConfigError if base_url is unusable; the message does not repeat it, because it may include a password */
function checkBaseUrl ({ base_url: baseUrl }: ConfigValues, locate: ConfigSource['locate']): void {
  if (baseUrl === undefined) return
  const place = `${locate('base_url')}: base_url: expected`
  if (!URL.canParse(baseUrl)) throw new ConfigError(`${place} an http or https URL`)
  const { username, password, pathname, search, hash } = new URL(baseUrl)
  if (username || password) throw new ConfigError(`${place} an http or https URL without a username and a password`)
  if (pathname !== '/' || search || hash) {
    throw new ConfigError(`${place} a URL without a path, such as https://flowforge.example.com. ` +
      'The platform cannot be served below a path: give it a host name of its own')
  }
}

/**
 * @throws ConfigError if an entry is not an address or network, for example a number of hops, or covers all addresses
 */
function checkProxies ({ trust_proxy: proxies }: ConfigValues, locate: ConfigSource['locate']): void {
  const wrong = proxies.findIndex((proxy) => !isNetwork(proxy))
  if (wrong === -1) return
  const expected = describeExpected(configSchema.properties.trust_proxy)
  throw new ConfigError(`${locate('trust_proxy')}: trust_proxy: expected ${expected}; entry ${wrong + 1} is none`)
}

/** @throws ConfigError if SQLite would not store a file under this name: for `:memory:`, a URI or a directory */
function checkStorage ({ db: { type, storage } }: ConfigValues, locate: ConfigSource['locate']): void {
  if (type !== 'sqlite' || !/^(\s*|:memory:|file:.*)$|[/\\]$|\0/is.test(storage)) return
  throw new ConfigError(`${locate('db', 'storage')}: db.storage: expected the name of a file, such as flowforge.db. ` +
    'The platform needs a file to keep its data')
}

function isNetwork (text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  return bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

function schemaAt (path: string[]): TSchema {
  return path.reduce<TSchema>((schema, key) => {
    const { properties, items } = schema as { properties?: Record<string, TSchema>, items?: TSchema }
    return properties?.[key] ?? items!
  }, configSchema)
}

function portFrom ({ PORT }: Environment): number | undefined {
  if (!PORT) return undefined
  const { port } = configSchema.properties
  if (/^\d{1,5}$/.test(PORT) && Value.Check(port, Number(PORT))) return Number(PORT)
  throw new ConfigError(`the environment variable PORT: expected ${describeExpected(port)}`)
}

function deepFreeze<T> (value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(deepFreeze)
  }
  return value
}
