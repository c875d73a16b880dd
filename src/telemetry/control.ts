import type { FastifyBaseLogger } from 'fastify'
import { decideConsent, decideForOperator, NO_INSTANCE_ID, refuseForHost, TelemetryOffError, type Consent } from './consent.js'
import { findLack, readInstanceId, readSetting, type TelemetryHost } from './host.js'
import type { LoggedPing } from './store/ping-log.js'
import { readSection } from './config.js'
import type { Wired } from './wiring.js'

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

/**
 * Telemetry for one host; starts nothing. What makes and sends a ping is loaded when that is first asked for, so that a
 * host in which telemetry is off pays for little more than the reading of its no.
 */
export function createTelemetry (host: TelemetryHost): DrivenTelemetry {
  const { config, settings } = host
  const section = readSection(config?.telemetry, config?.locate)
  const lack = findLack(host)
  const quiet = createQuietLog(host.log)
  let loading: Promise<Wired> | undefined
  let wired: Wired | undefined

  const operatorSays = () => decideForOperator(section, process.env) ?? (lack ? refuseForHost(lack) : undefined)

  /** May a ping be sent, as far as somebody has a say in it. Asked before each attempt. */
  async function decide (): Promise<Consent> {
    const operator = operatorSays()
    if (operator) return operator
    return decideConsent({
      section,
      environment: process.env,
      initialised: await readSetting(settings, 'setup:initialised'),
      enabled: await readSetting(settings, 'telemetry:enabled')
    })
  }

  async function consent (): Promise<Consent> {
    const decision = await decide()
    return decision.allowed && !await readInstanceId(settings) ? NO_INSTANCE_ID : decision
  }

  /** A file that cannot be loaded, because a new release is just being put in its place, say, is tried again next time. */
  function load (): Promise<Wired> {
    if (lack) return Promise.reject(new TelemetryOffError(refuseForHost(lack).explanation))
    return (loading ??= import('./wiring.js')
      .then(({ wire }) => (wired = wire(host, { url: section.url, consent: decide, quiet })))
      .finally(() => { if (!wired) loading = undefined }))
  }

  /** The one place where the failures of the schedule's pings end: the host goes on, whatever happened. */
  async function sendOnSchedule (kind: 'boot' | 'daily'): Promise<void> {
    try {
      await (await load()).send(kind)
    } catch (error) {
      if (error instanceof TelemetryOffError) host.log.debug(error.message)
      else quiet.failed(error)
    }
  }

  /** At once where a ping may be underway; one whose code is still being loaded is cancelled when it is there. */
  async function cancel (reason: string): Promise<void> {
    await (wired ?? await loading?.catch(() => undefined))?.cancel(reason)
  }

  return {
    url: section.url,
    consent,
    operatorSays,
    preview: async () => (await load()).preview(),
    send: async () => await (await load()).send('manual') as LoggedPing,
    pings: async () => lack ? [] : (await load()).pings(),
    recordedPings: async () => lack ? [] : (await load()).recordedPings(),
    isDoubtful: ({ decidedBy }) => section.doubtful || decidedBy === 'host',
    sendOnSchedule,
    cancel
  }
}

export type QuietLog = ReturnType<typeof createQuietLog>

/**
 * Tells the operator's log once when sending starts to fail and once when it works again; between the two, and after
 * them, nothing above `debug`. An installation with no route out sees one line, not one a day.
 */
function createQuietLog (log: FastifyBaseLogger) {
  let failing = false
  return {
    failed (error: unknown): void {
      const level = failing ? 'debug' : 'warn'
      failing = true
      log[level]({ err: error }, 'Telemetry could not be sent. Nothing else is affected; it is tried again by itself.')
    },
    worked (): void {
      const level = failing ? 'info' : 'debug'
      failing = false
      log[level]('Telemetry was sent.')
    }
  }
}
