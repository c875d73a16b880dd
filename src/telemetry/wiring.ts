import { migrate } from '../lib/migrate.js'
import type { Consent } from './consent.js'
import type { Telemetry, DrivenTelemetry } from './control.js'
import { gather } from './gather.js'
import type { TelemetryHost } from './host.js'
import { migrations } from './migrations.js'
import { setApart } from './own-tables.js'
import { createPingLog, type LoggedPing } from './ping-log.js'
import { serialisePing } from './ping.js'
import { createSender } from './send.js'

/** All that makes, sends and remembers a ping. */
export type Wired = Pick<Telemetry, 'preview' | 'send' | 'pings'> & Pick<DrivenTelemetry, 'recordedPings' | 'sendOnSchedule' | 'cancel'>

/** Wires the pieces for one host, and starts nothing. */
export function wire ({ config, settings, db, log }: TelemetryHost, url: string, consent: () => Promise<Consent>): Wired {
  const tables = setApart(db.sequelize)
  const prepareTables = onceDone(() => migrate(tables, 'TelemetryMigrations', migrations))
  const pingLog = createPingLog(tables)
  const preview = async () => serialisePing(await gather({ config, settings, db }))
  const { send, sendOnSchedule, cancel } = createSender({
    consent, prepareTables, compose: preview, pingLog, url, version: config.version, log
  })
  return {
    preview,
    send: async () => await send('manual') as LoggedPing,
    async pings () {
      await prepareTables()
      return pingLog.list()
    },
    async recordedPings () {
      return await tables.getQueryInterface().tableExists('TelemetryPings') ? pingLog.list() : []
    },
    sendOnSchedule,
    cancel
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
