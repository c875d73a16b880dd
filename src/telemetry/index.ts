import fp from 'fastify-plugin'
import { migrate } from '../lib/migrate.js'
import { createClaims } from './claim.js'
import { decideConsent, decideForOperator, type Consent } from './consent.js'
import { gather } from './gather.js'
import { readSetting, type TelemetryHost } from './host.js'
import { migrations } from './migrations.js'
import { createPingLog, type LoggedPing } from './ping-log.js'
import { serialisePing } from './ping.js'
import type { Schedule } from './schedule.js'
import { readSection } from './section.js'
import { createSender } from './send.js'

/** What telemetry shows of itself, and lets an administrator do. */
export interface TelemetryControl {
  /** Where a ping is posted to. */
  url: string
  /** May a ping be sent now, and who decided. Read afresh. */
  consent: () => Promise<Consent>
  /** The operator's no, which the administrator cannot change; undefined where there is none. */
  operatorSays: () => Consent | undefined
  /** When the daily ping is due next; null where the operator's no keeps the clock from starting. */
  nextDaily: () => Date | null
  /** The exact text that a ping sent now would carry, also while telemetry is off. */
  preview: () => Promise<string>
  /** Sends a ping now. @throws TelemetryOffError where consent says no */
  send: () => Promise<LoggedPing>
  /** What was sent, newest first. */
  pings: () => Promise<LoggedPing[]>
}

declare module 'fastify' {
  interface FastifyInstance {
    telemetry: TelemetryControl
  }
}

/** Anonymous usage telemetry, embedded in a platform: wires the pieces, decides nothing. */
export default fp(async (app) => {
  const { config, settings, db, log } = app as unknown as TelemetryHost
  const section = readSection(config.telemetry, config.locate)
  const operatorSays = () => decideForOperator(section, process.env)
  const consent = async () => decideConsent({
    section,
    environment: process.env,
    initialised: await readSetting(settings, 'setup:initialised'),
    enabled: await readSetting(settings, 'telemetry:enabled')
  })
  const compose = async () => serialisePing(await gather({ config, settings, db }))
  const prepareTables = onceDone(() => migrate(db.sequelize, 'TelemetryMigrations', migrations))
  const pingLog = createPingLog(db.sequelize, createClaims(db.sequelize))
  const { url } = section
  const sender = createSender({ consent, prepareTables, compose, pingLog, url, version: config.version, log })
  let schedule: Schedule | undefined
  let announced: Promise<void> | undefined

  app.decorate('telemetry', {
    url,
    consent,
    operatorSays,
    nextDaily: () => schedule?.nextDaily() ?? null,
    preview: compose,
    send: async () => await sender.send('manual') as LoggedPing,
    async pings () {
      await prepareTables()
      return pingLog.list()
    }
  })
  settings.onChange?.((key, value) => {
    if (key === 'telemetry:enabled' && value !== true) sender.cancel('an administrator turned telemetry off')
  })
  app.addHook('onReady', async () => {
    // Not awaited: however slow the database is, the host starts without waiting for telemetry.
    announced = announce()
    if (operatorSays()) return
    const { startSchedule } = await import('./schedule.js')
    schedule = startSchedule(sender.sendOnSchedule, log)
  })
  // Before the server waits for its last requests: one of them may itself be waiting for a ping.
  app.addHook('preClose', () => sender.cancel('the platform is stopping'))
  app.addHook('onClose', async () => {
    schedule?.stop()
    await announced
  })

  /** The boot log's one line: on or off, and why. */
  async function announce (): Promise<void> {
    try {
      const { explanation } = await consent()
      log[section.doubtful ? 'warn' : 'info'](explanation)
    } catch (error) {
      log.warn({ err: error }, 'Telemetry is off while its settings cannot be read.')
    }
  }
}, { name: 'app.telemetry', dependencies: ['app.config', 'app.settings', 'app.db'], fastify: '5.x' })

/** Does a thing once it succeeds, and not again; after a failure the next call tries again. */
function onceDone (action: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= action().catch((error: unknown) => {
    done = undefined
    throw error
  }))
}

export type { Consent } from './consent.js'
export type { LoggedPing } from './ping-log.js'
