import type { FastifyBaseLogger } from 'fastify'
import type { Model, ModelStatic, Sequelize } from 'sequelize'
import { INSTANCE_ID, SCHEMA_VERSION } from './types.js'

const MODELS = ['User', 'Team', 'Project'] as const

/** The databases that telemetry supports. On any other it is off. */
const DIALECTS = ['sqlite', 'postgres']

/** The settings that telemetry reads. It never writes one. */
export type TelemetrySetting = 'instanceId' | 'setup:initialised' | 'telemetry:enabled' | 'telemetry:schema'

/** The part of the host that telemetry uses. None of it is validated yet. */
export interface TelemetryHost {
  config: {
    /** The release of the platform. */
    version: string
    driver: { type: string }
    /** The `telemetry` section of flowforge.yml, as the host parsed it. */
    telemetry?: unknown
    /** The path of flowforge.yml, if the host knows it. The text of the file is then checked, too. */
    configFile?: string
    /** Returns the place of a key in flowforge.yml in words, if the host knows it. */
    locate?: (...path: string[]) => string
  }
  settings: {
    get: (key: TelemetrySetting) => unknown
    /** Rereads a setting from the database, if `get` answers from memory. May return the value, or nothing. */
    refresh?: (key: TelemetrySetting) => unknown
    /** Why the operator of another process forbids sending in this one, if the host knows. Read each time. */
    readForeignRefusal?: () => Promise<string | undefined>
    /** Calls the listener after each change made by this process, if the host can notify. */
    onChange?: (listener: (key: string, value: unknown) => unknown) => void
  }
  db: {
    sequelize: Sequelize
    models: Record<typeof MODELS[number], ModelStatic<Model>>
  }
  log: FastifyBaseLogger
}

/** Lists what the host lacks, in words; empty if it is complete. Reads no setting and no table. */
export function missingRequirements ({ config, settings, db }: Partial<TelemetryHost>): string {
  const requirements: [name: string, met: boolean][] = [
    ['app.config.version', typeof config?.version === 'string'],
    ['app.config.driver.type', typeof config?.driver?.type === 'string'],
    ['app.settings.get', typeof settings?.get === 'function'],
    ['app.db.sequelize', typeof db?.sequelize?.query === 'function' && typeof db.sequelize.getDialect === 'function'],
    ...MODELS.map((name): [string, boolean] => (
      [`app.db.models.${name}`, typeof db?.models?.[name]?.count === 'function']))
  ]
  const missing = requirements.filter(([, met]) => !met).map(([name]) => name)
  return (missing.length > 0 ? missing : unsupportedDatabase(db!)).join(' and ')
}

function unsupportedDatabase ({ sequelize }: TelemetryHost['db']): string[] {
  const dialect = sequelize.getDialect()
  return DIALECTS.includes(dialect) ? [] : [`a database that telemetry supports: SQLite or PostgreSQL, not ${dialect}`]
}

/** Reads a setting, bypassing the host's cache if the host can refresh it. */
export async function readSetting (settings: TelemetryHost['settings'], key: TelemetrySetting): Promise<unknown> {
  const refreshed = await settings.refresh?.(key)
  return refreshed === undefined ? settings.get(key) : refreshed
}

/** Reads the random UUID of this installation; undefined if the host has none, or an invalid one. */
export async function readInstanceId (settings: TelemetryHost['settings']): Promise<string | undefined> {
  const instanceId = await readSetting(settings, 'instanceId')
  return typeof instanceId === 'string' && INSTANCE_ID.test(instanceId) ? instanceId : undefined
}

/**
 * Reads the version of the ping's schema that was agreed to. Returns 1, the version with the fewest properties, if the
 * host does not know this setting, in which case its `get` may throw.
 */
export async function readAgreedVersion (settings: TelemetryHost['settings']): Promise<number> {
  const version = await readSetting(settings, 'telemetry:schema').catch(() => undefined)
  return typeof version === 'number' && Number.isInteger(version) ? Math.min(Math.max(version, 1), SCHEMA_VERSION) : 1
}
