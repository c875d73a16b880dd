import { existsSync } from 'node:fs'
import type { FastifyBaseLogger } from 'fastify'
import type { PlatformConfig } from '../config/index.js'
import { addressFrom } from '../db/index.js'
import { defineModels } from '../db/models.js'
import { openDatabase } from '../database/open.js'
import { createSettings } from '../settings/settings.js'
import { createTelemetry, type DrivenTelemetry } from '../telemetry/control.js'

/**
 * The telemetry of this installation, on the database that a platform has left behind or works with at this moment.
 * Makes no database, no table and no setting, and starts no schedule: a platform that runs is not disturbed, and one
 * that never ran leaves no trace.
 *
 * @param use gets undefined where no platform has ever been started
 */
export async function withTelemetry<T> (
  config: PlatformConfig, use: (telemetry: DrivenTelemetry | undefined) => Promise<T>
): Promise<T> {
  const address = addressFrom(config)
  if (address.type === 'sqlite' && !existsSync(address.storage)) return use(undefined)
  const sequelize = await openDatabase(address)
  try {
    if (!await sequelize.getQueryInterface().tableExists('PlatformSettings')) return await use(undefined)
    const models = defineModels(sequelize)
    const settings = createSettings(models.PlatformSetting)
    return await use(createTelemetry({ config, settings, db: { sequelize, models }, log: silentLog }))
  } finally {
    await sequelize.close()
  }
}

const ignore = () => {}

/** What there is to say, the command says itself. */
const silentLog = Object.assign(
  Object.fromEntries(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map((level) => [level, ignore])),
  { level: 'silent', child: () => silentLog }
) as unknown as FastifyBaseLogger
