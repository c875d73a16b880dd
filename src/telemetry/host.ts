import type { FastifyBaseLogger } from 'fastify'
import type { Model, ModelStatic, Sequelize } from 'sequelize'

const MODELS = ['User', 'Team', 'Project'] as const

/** The settings that telemetry reads of its host, and never writes. */
export type TelemetrySetting = 'instanceId' | 'setup:initialised' | 'telemetry:enabled'

/** All that telemetry sees of the platform it is embedded in. Nothing of it is trusted to be checked. */
export interface TelemetryHost {
  config: {
    /** The release of the platform. */
    version: string
    driver: { type: string }
    /** The `telemetry` section of flowforge.yml, as raw as the host has it. */
    telemetry?: unknown
    /** Where a key of flowforge.yml stands, in words. */
    locate?: (...path: string[]) => string
  }
  settings: {
    get: (key: TelemetrySetting) => unknown
    /** Reads a setting afresh, for hosts whose `get` answers from memory. */
    refresh?: (key: TelemetrySetting) => unknown
    /** Hears of each change made by this process, for hosts that tell. */
    onChange?: (listener: (key: string, value: unknown) => void) => void
  }
  db: {
    sequelize: Sequelize
    models: Record<typeof MODELS[number], ModelStatic<Model>>
  }
  log: FastifyBaseLogger
}

/** What telemetry needs and its host does not have, in words; empty where nothing is missing. Reads no setting. */
export function findLack ({ config, settings, db }: Partial<TelemetryHost>): string {
  const needs: [name: string, met: boolean][] = [
    ['app.config.version', typeof config?.version === 'string'],
    ['app.config.driver.type', typeof config?.driver?.type === 'string'],
    ['app.settings.get', typeof settings?.get === 'function'],
    ['app.db.sequelize', typeof db?.sequelize?.query === 'function'],
    ...MODELS.map((name): [string, boolean] => [`app.db.models.${name}`, typeof db?.models?.[name]?.count === 'function'])
  ]
  return needs.filter(([, met]) => !met).map(([name]) => name).join(' and ')
}

/** A setting as the database has it now, where the host can tell; else as the host has it. */
export async function readSetting (settings: TelemetryHost['settings'], key: TelemetrySetting): Promise<unknown> {
  return settings.refresh ? await settings.refresh(key) : await settings.get(key)
}

/** The random UUID of this installation; undefined where the host has none that a ping could carry. */
export async function readInstanceId (settings: TelemetryHost['settings']): Promise<string | undefined> {
  const [{ Value }, { pingSchema }] = await Promise.all([import('typebox/value'), import('./ping.js')])
  const instanceId = await readSetting(settings, 'instanceId')
  return Value.Check(pingSchema.properties.instanceId, instanceId) ? instanceId : undefined
}
