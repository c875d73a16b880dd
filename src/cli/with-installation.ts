import { existsSync } from 'node:fs'
import type { FastifyBaseLogger } from 'fastify'
import type { Sequelize } from 'sequelize'
import type { PlatformConfig } from '../config/index.js'
import { addressFrom } from '../db/index.js'
import { HISTORY } from '../db/migrations.js'
import { defineModels } from '../db/models.js'
import { openDatabase, openForReading } from '../database/open.js'
import { assertOwnDatabase } from '../database/ownership.js'
import { closeDatabase } from '../database/transaction.js'
import { Decisions } from '../settings/decisions.js'
import { OperatorRefusals } from '../settings/operator-refusals.js'
import { createSettings, type Settings } from '../settings/settings.js'
import { TelemetryService } from '../telemetry/service.js'

/** The part of an installation that the command line uses. */
export interface Installation {
  telemetry: TelemetryService
  settings: Settings
  decisions: Decisions
  sequelize: Sequelize
}

/**
 * Opens the database of a platform that runs or has run, for reading, which works on a read-only disk, or for writing.
 * Creates no database, table or setting, and starts no schedule, so that a running platform is not disturbed.
 *
 * @param use gets undefined if no platform has ever been started
 * @throws ForeignDatabaseError, or the database's error
 */
export async function withInstallation<T> (
  config: PlatformConfig, use: (installation: Installation | undefined) => Promise<T>, access: 'read' | 'write' = 'read'
): Promise<T> {
  const address = addressFrom(config)
  if (address.type === 'sqlite' && !existsSync(address.storage)) return use(undefined)
  const sequelize = access === 'read' ? await openForReading(address) : await openDatabase(address, {}, HISTORY)
  try {
    await assertOwnDatabase(sequelize, HISTORY)
    if (!await sequelize.getQueryInterface().tableExists('PlatformSettings')) return await use(undefined)
    const models = defineModels(sequelize)
    const settings = createSettings(models.PlatformSetting)
    const refusals = new OperatorRefusals(models.PlatformSetting)
    // A platform that is started meanwhile with an opt-out ends what this command sends.
    const bound = { ...settings, readForeignRefusal: () => refusals.read() }
    const telemetry = new TelemetryService({ config, settings: bound, db: { sequelize, models }, log: silentLog })
    const decisions = new Decisions(sequelize, models, settings)
    return await use({ telemetry, settings, decisions, sequelize })
  } finally {
    await closeDatabase(sequelize)
  }
}

const ignore = () => {}

/** Logs nothing, because the command itself prints the result. */
const silentLog: FastifyBaseLogger = {
  level: 'silent',
  fatal: ignore,
  error: ignore,
  warn: ignore,
  info: ignore,
  debug: ignore,
  trace: ignore,
  silent: ignore,
  child: () => silentLog
}
