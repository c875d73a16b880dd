import os from 'node:os'
import { literal, type Model, type ModelStatic } from 'sequelize'
import { readBriefly } from './store/statement-timeout.js'
import { NO_INSTANCE_ID, TelemetryOffError } from './consent.js'
import { readInstanceId, type TelemetryHost } from './host.js'
import { DRIVERS, type Ping } from './ping.js'

/**
 * Builds a ping from what is true now.
 *
 * @throws TelemetryOffError where the host has no instanceId
 */
export async function gather ({ config, settings, db }: Pick<TelemetryHost, 'config' | 'settings' | 'db'>): Promise<Ping> {
  const instanceId = await readInstanceId(settings)
  if (!instanceId) throw new TelemetryOffError(NO_INSTANCE_ID.explanation)
  return {
    instanceId,
    os: { type: os.type(), release: os.release(), arch: os.arch() },
    env: { nodejs: process.version, flowforge: config.version },
    platform: {
      counts: await countRows(db),
      config: { driver: DRIVERS.find((name) => name === config.driver.type) ?? 'other' }
    }
  }
}

/** Counts all three in one statement, so that they are of one moment. */
async function countRows ({ sequelize, models }: TelemetryHost['db']): Promise<Ping['platform']['counts']> {
  const statement =
    `SELECT (${countOf(models.User)}) AS users, (${countOf(models.Team)}) AS teams, (${countOf(models.Project)}) AS projects`
  const row = await readBriefly<Record<'users' | 'teams' | 'projects', string | number>>(sequelize, statement)
  // PostgreSQL counts in 64 bits, which its driver gives as text.
  return { users: Number(row?.users), teams: Number(row?.teams), projects: Number(row?.projects) }
}

/** The statement by which the ORM would count a model's rows: soft-deleted ones are left out. */
function countOf (model: ModelStatic<Model>): string {
  const { paranoid, deletedAt: name } = model.options
  const deletedAt = paranoid ? model.getAttributes()[typeof name === 'string' ? name : 'deletedAt'] : undefined
  const generator = model.sequelize!.getQueryInterface().queryGenerator as {
    selectQuery: (table: unknown, options: object, model: ModelStatic<Model>) => string
  }
  const where = deletedAt ? { [deletedAt.field!]: deletedAt.defaultValue ?? null } : {}
  const attributes = [[literal('count(*)'), 'count']]
  return generator.selectQuery(model.getTableName(), { attributes, where }, model).replace(/;$/, '')
}
