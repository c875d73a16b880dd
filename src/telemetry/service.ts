import { randomUUID } from 'node:crypto'
import timers from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { TelemetryOffError, type Consent } from './consent.js'
import type { QuietLog } from './control.js'
import type { Answer } from './delivery/post.js'
import { UNDERWAY, type LoggedPing, type PingKind, type PingLog, type PingResult } from './store/ping-log.js'
import { attemptsFor, isRetryable, waitAfter } from './delivery/retry.js'

/** Longest wait of a host that stops, for a database that does not answer. */
const CANCEL_MS = 2_000

export interface SenderParts {
  /** Reads the consent afresh. */
  consent: () => Promise<Consent>
  /** Makes the tables of the claims and the log, where they are not there yet. */
  prepareTables: () => Promise<void>
  /** The exact text of a ping as of now. */
  compose: () => Promise<string>
  pingLog: PingLog
  url: string
  version: string
  quiet: QuietLog
  log: FastifyBaseLogger
}

export type Sender = ReturnType<typeof createSender>

/** The way of a ping: consent, compose, claim and record, and then attempt by attempt, consent first, out. */
export function createSender ({ consent, prepareTables, compose, pingLog, url, version, quiet, log }: SenderParts) {
  const underway = new Map<AbortController, Promise<unknown>>()

  /**
   * Sends one ping. A manual one is attempted once, because somebody waits for its result.
   *
   * @returns what the log says of it; undefined where another replica has claimed it
   * @throws TelemetryOffError where consent says no
   */
  function send (kind: PingKind): Promise<LoggedPing | undefined> {
    const cancellation = new AbortController()
    const sending = makeItsWay(kind, cancellation.signal).finally(() => underway.delete(cancellation))
    underway.set(cancellation, sending)
    return sending
  }

  /** Cancels waiting retries, and aborts what is being sent or connected. Resolves when that is written down. */
  async function cancel (reason: string): Promise<void> {
    const sendings = [...underway.values()]
    for (const cancellation of underway.keys()) cancellation.abort(new Error(reason))
    await Promise.race([Promise.allSettled(sendings), timers.setTimeout(CANCEL_MS, undefined, { ref: false })])
  }

  async function makeItsWay (kind: PingKind, signal: AbortSignal): Promise<LoggedPing | undefined> {
    await demandConsent(signal)
    await prepareTables()
    const body = await compose()
    const ping = await pingLog.record({ kind, sentAt: new Date(), idempotencyKey: randomUUID(), body })
    if (!ping) {
      log.debug(`The ${kind} ping was claimed by another replica, or before.`)
      return undefined
    }
    const result = await attemptAll(ping, signal)
    await writeDown(ping, result)
    return { ...ping, ...result }
  }

  async function demandConsent (signal: AbortSignal): Promise<void> {
    const { allowed, explanation } = await consent()
    if (!allowed) throw new TelemetryOffError(explanation)
    // The no may have come while the yes was being read.
    if (signal.aborted) throw new TelemetryOffError(signal.reason.message)
  }

  /** The result outlives a database that is away; the ping log keeps it until it is back. */
  async function writeDown ({ id }: LoggedPing, result: PingResult): Promise<void> {
    try {
      await pingLog.update(id, result)
    } catch (error) {
      log.debug({ err: error }, 'What became of a ping could not be written down yet.')
    }
  }

  async function attemptAll (ping: LoggedPing, signal: AbortSignal): Promise<PingResult> {
    let result = UNDERWAY
    const started = performance.now()
    const attempts = attemptsFor(ping.kind)
    try {
      for (let attempt = 1; ; attempt++) {
        const { retryAfter, ...answer } = await attemptOnce(ping, signal)
        const durationMs = Math.round(performance.now() - started)
        result = { ...result, ...answer, attempts: attempt, durationMs }
        if (result.outcome !== 'pending') return result
        if (attempt === attempts) return { ...result, outcome: 'failed' }
        await writeDown(ping, result)
        await timers.setTimeout(waitAfter(attempt, retryAfter, new Date()), undefined, { signal, ref: false })
      }
    } catch (error) {
      const reason: Error = signal.aborted ? signal.reason : error as Error
      const cancelled = signal.aborted || error instanceof TelemetryOffError
      if (!cancelled) quiet.failed(error)
      return { ...result, outcome: cancelled ? 'cancelled' : 'failed', error: describe(reason) }
    }
  }

  /** One attempt: its outcome is `pending` where another one can help. */
  async function attemptOnce (ping: LoggedPing, signal: AbortSignal) {
    // Loaded no sooner than the first ping leaves: a platform that sends nothing does not pay for it. And before the
    // consent is read: nothing may take its time between the yes and the connection.
    const { post } = await import('./delivery/post.js')
    await demandConsent(signal)
    try {
      const answer = await post({ url, body: ping.body, version, idempotencyKey: ping.idempotencyKey, signal })
      return judgeAnswer(answer)
    } catch (error) {
      if (signal.aborted) throw error
      quiet.failed(error)
      return { outcome: 'pending' as const, status: null, receipt: null, error: describe(error as Error), retryAfter: null }
    }
  }

  function judgeAnswer ({ status, receipt, retryAfter }: Answer) {
    if (status >= 200 && status < 300) {
      quiet.worked()
      return { outcome: 'delivered' as const, status, receipt, error: null, retryAfter: null }
    }
    const error = `the collector answered ${status}`
    quiet.failed(new Error(error))
    return { outcome: isRetryable(status) ? 'pending' as const : 'failed' as const, status, receipt, error, retryAfter }
  }

  return { send, cancel }
}

/** An error in technical words: its code, where it has one, and its message. */
function describe (error: Error & { code?: string }): string {
  return [error.code, error.message].filter(Boolean).join(': ')
}
