import { migrate } from '../lib/migrate.js'
import { decideConsent, decideForOperator, refuseForHost, type Consent } from './consent.js'
import { gather } from './gather.js'
import { findLack, readInstanceId, readSetting, type TelemetryHost } from './host.js'
import { migrations } from './migrations.js'
import { setApart } from './own-tables.js'
import { createPingLog, type LoggedPing } from './ping-log.js'
import { serialisePing } from './ping.js'
import { readSection } from './section.js'
import { createSender, TelemetryOffError } from './send.js'

/** What telemetry shows of itself, and lets an administrator or an operator do. */
export interface Telemetry {
  /** Where a ping is posted to. */
  url: string
  /** May a ping be sent now, and who decided. Read afresh. */
  consent: () => Promise<Consent>
  /** The no that the administrator cannot change: the operator's, or the platform's; undefined where there is none. */
  operatorSays: () => Consent | undefined
  /** The exact text that a ping sent now would carry, also while telemetry is off. */
  preview: () => Promise<string>
  /** Sends a ping now. @throws TelemetryOffError where consent says no */
  send: () => Promise<LoggedPing>
  /** What was sent, newest first. */
  pings: () => Promise<LoggedPing[]>
}

/** Telemetry as its host drives it. */
export interface DrivenTelemetry extends Telemetry {
  /** Whether the operator should be warned of why it is off. */
  isDoubtful: (consent: Consent) => boolean
  /** What was sent, newest first, as it stands: makes no table. */
  recordedPings: () => Promise<LoggedPing[]>
  /** Sends a ping of the schedule, if consent and the other replicas let it. Never throws. */
  sendOnSchedule: (kind: 'boot' | 'daily') => Promise<void>
  /** Stops all that is underway, and resolves when it is over. */
  cancel: (reason: string) => Promise<void>
}

/** Wires the pieces for one host, and starts nothing. In a host that lacks what they need, it stays off. */
export function createTelemetry (host: TelemetryHost): DrivenTelemetry {
  const lack = findLack(host)
  return lack ? stayOff(host, lack) : wire(host)
}

function wire ({ config, settings, db, log }: TelemetryHost): DrivenTelemetry {
  const section = readSection(config.telemetry, config.locate)
  const tables = setApart(db.sequelize)
  const prepareTables = onceDone(() => migrate(tables, 'TelemetryMigrations', migrations))
  const pingLog = createPingLog(tables)
  const preview = async () => serialisePing(await gather({ config, settings, db }))
  const { send, sendOnSchedule, cancel } = createSender({
    consent, prepareTables, compose: preview, pingLog, url: section.url, version: config.version, log
  })

  async function consent (): Promise<Consent> {
    const decision = decideConsent({
      section,
      environment: process.env,
      initialised: await readSetting(settings, 'setup:initialised'),
      enabled: await readSetting(settings, 'telemetry:enabled')
    })
    if (!decision.allowed || await readInstanceId(settings)) return decision
    return refuseForHost('the setting instanceId, a random UUID')
  }

  async function recordedPings (): Promise<LoggedPing[]> {
    return await tables.getQueryInterface().tableExists('TelemetryPings') ? pingLog.list() : []
  }

  return {
    url: section.url,
    consent,
    operatorSays: () => decideForOperator(section, process.env),
    preview,
    send: async () => await send('manual') as LoggedPing,
    async pings () {
      await prepareTables()
      return pingLog.list()
    },
    recordedPings,
    isDoubtful: ({ decidedBy }) => section.doubtful || decidedBy === 'host',
    sendOnSchedule,
    cancel
  }
}

function stayOff ({ config }: TelemetryHost, lack: string): DrivenTelemetry {
  const section = readSection(config?.telemetry, config?.locate)
  const operatorSays = () => decideForOperator(section, process.env) ?? refuseForHost(lack)
  const refuse = async () => { throw new TelemetryOffError(operatorSays().explanation) }
  return {
    url: section.url,
    consent: async () => operatorSays(),
    operatorSays,
    preview: refuse,
    send: refuse,
    pings: async () => [],
    recordedPings: async () => [],
    isDoubtful: ({ decidedBy }) => section.doubtful || decidedBy === 'host',
    sendOnSchedule: async () => {},
    cancel: async () => {}
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
