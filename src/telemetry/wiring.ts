import { migrate } from '../database/migrate.js'
import type { DrivenTelemetry } from './control.js'
import { gather } from './collect.js'
import type { TelemetryHost } from './host.js'
import { migrations } from './store/migrations.js'
import { setApart } from './own-tables.js'
import { createPingLog } from './store/ping-log.js'
import { serialisePing } from './ping.js'
import { createSender, type Sender, type SenderParts } from './service.js'

/** All that makes, sends and remembers a ping. */
export type Wired = Sender & Pick<DrivenTelemetry, 'preview' | 'pings' | 'recordedPings'>

/** Wires the pieces for one host, and starts nothing. */
export function wire (
  { config, settings, db, log }: TelemetryHost, parts: Pick<SenderParts, 'url' | 'consent' | 'quiet'>
): Wired {
  const tables = setApart(db.sequelize)
  const prepareTables = onceDone(() => migrate(tables, 'TelemetryMigrations', migrations))
  const pingLog = createPingLog(tables)
  const preview = async () => serialisePing(await gather({ config, settings, db }))
  const sender = createSender({ ...parts, prepareTables, compose: preview, pingLog, version: config.version, log })
  return {
    ...sender,
    preview,
    async pings () {
      await prepareTables()
      return pingLog.list()
    },
    async recordedPings () {
      return await tables.getQueryInterface().tableExists('TelemetryPings') ? pingLog.list() : []
    }
  }
}

/** Does a thing once it succeeds, and not again; after a failure the next call tries again. */
function onceDone (action: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= action().catch((error: unknown) => {
    done = undefined
    throw error
  }))
}
