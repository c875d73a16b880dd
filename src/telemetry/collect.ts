import os from 'node:os'
import type { Model, ModelStatic } from 'sequelize'
import { NO_INSTANCE_ID } from './consent.js'
import { readInstanceId, type TelemetryHost } from './host.js'
import type { Ping } from './ping.js'
import { withTransaction } from './store/transaction.js'
import { TelemetryOffError } from './types.js'

type Counts = Ping['platform']['counts']

/**
 * Builds a ping from the current state of the host.
 *
 * @param version the version of the schema that was agreed to
 * @returns the exact text that is previewed, recorded and posted
 * @throws TelemetryOffError if the host has no instanceId, InvalidPingError, or the database's error
 */
export async function collectPing (
  { config, settings, db }: Omit<TelemetryHost, 'log'>, version: number
): Promise<string> {
  const instanceId = await readInstanceId(settings)
  if (!instanceId) throw new TelemetryOffError(NO_INSTANCE_ID.explanation)
  // Loaded here because typebox takes some 170 ms of processor time, which only building a ping should cost.
  const { DRIVERS, serialisePing } = await import('./ping.js')
  return serialisePing({
    instanceId,
    os: { type: os.type(), release: os.release(), arch: os.arch() },
    env: { nodejs: process.version, flowforge: config.version },
    platform: {
      counts: await countRows(db),
      config: { driver: DRIVERS.find((name) => name === config.driver.type) ?? 'other' }
    }
  }, version)
}

/** Counts users, teams and projects in one snapshot, so that the counts are consistent. */
function countRows ({ sequelize, models }: TelemetryHost['db']): Promise<Counts> {
  return withTransaction(sequelize, 'read', async (transaction, withinLimit) => {
    // Bypasses the host's scopes and hooks, which could hide rows. Soft-deleted rows are still left out.
    const options = { transaction, hooks: false }
    const count = (model: ModelStatic<Model>) => withinLimit(() => model.unscoped().count(options))
    return {
      users: await count(models.User),
      teams: await count(models.Team),
      projects: await count(models.Project)
    }
  })
}
