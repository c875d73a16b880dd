import type { FastifyBaseLogger } from 'fastify'
import type { Model, ModelStatic, Sequelize } from 'sequelize'

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
    get: (key: string) => unknown
    /** Reads a setting afresh, for hosts whose `get` answers from memory. */
    refresh?: (key: string) => unknown
    /** Hears of each change made by this process, for hosts that tell. */
    onChange?: (listener: (key: string, value: unknown) => void) => void
  }
  db: {
    sequelize: Sequelize
    models: Record<'User' | 'Team' | 'Project', ModelStatic<Model>>
  }
  log: FastifyBaseLogger
}

/** A setting as the database has it now, where the host can tell; else as the host has it. */
export async function readSetting (settings: TelemetryHost['settings'], key: string): Promise<unknown> {
  return settings.refresh ? await settings.refresh(key) : await settings.get(key)
}
