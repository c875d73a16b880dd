import timers from 'node:timers/promises'
import { describeError } from '../describe-error.js'
import { TelemetryOffError, type LoggedPing, type PingKind, type PingResult } from '../types.js'
import type { FailureLog } from './failure-log.js'
import { post, type Answer } from './post.js'

const BACKOFF_MS = 30_000
export const LONGEST_RETRY_AFTER_MS = 3_600_000

/** How often consent is read while a request is in flight. */
const CONSENT_CHECK_MS = 1_000

/**
 * Upper bound of one attempt: the 25 seconds of post.ts, and reading consent from a slow database. If an attempt was
 * due longer ago than this, no process is working on its ping.
 */
export const LONGEST_ATTEMPT_MS = 120_000

export interface Delivery {
  /** Where to post. */
  url: string
  /** The release of the platform. */
  version: string
  /** Aborts the delivery. */
  signal: AbortSignal
  /** Reads consent. @throws TelemetryOffError if it is refused, or the host's error if it cannot be read */
  assertConsent: () => Promise<void>
  /** Saves what is known so far. Never throws. */
  saveResult: (result: PingResult) => Promise<void>
  failures: FailureLog
}

type Attempt = Omit<PingResult, 'attempts' | 'nextAttemptAt' | 'durationMs'> & { retryAfter: string | null }

const NO_ANSWER = { status: null, contentType: null, receipt: null, retryAfter: null }

/**
 * Delivers a recorded ping, not before its `nextAttemptAt`. A manual ping is attempted once, because somebody waits for
 * the result, any other up to four times. Consent is read before each attempt, before its first byte is written, and
 * every second while it is in flight.
 *
 * @returns the final result, never `pending`. Never throws
 */
export async function deliver (ping: LoggedPing, delivery: Delivery): Promise<PingResult> {
  const { signal, saveResult, failures } = delivery
  const started = performance.now()
  let { id, kind, sentAt, idempotencyKey, url, body, ...result }: LoggedPing = ping
  const wait = (milliseconds: number) => timers.setTimeout(milliseconds, undefined, { signal, ref: false })
  try {
    if (ping.nextAttemptAt) await wait(Math.max(1, ping.nextAttemptAt.getTime() - Date.now()))
    for (let attempts = 1; ; attempts++) {
      const { retryAfter, ...attempt } = await attemptOnce(ping, delivery)
      result = { ...attempt, attempts, nextAttemptAt: null, durationMs: Math.round(performance.now() - started) }
      const willRetry = result.outcome === 'pending' && attempts < maxAttempts(kind)
      tellLog(failures, result, willRetry)
      if (!willRetry) return result.outcome === 'pending' ? { ...result, outcome: 'failed' } : result
      const delay = retryDelay(attempts, retryAfter, new Date())
      result.nextAttemptAt = new Date(Date.now() + delay)
      await saveResult(result)
      await wait(delay)
    }
  } catch (error) {
    const cause = signal.aborted ? signal.reason as Error : error as Error
    const isOff = signal.aborted || cause instanceof TelemetryOffError
    if (!isOff) failures.failed(cause, false)
    return { ...result, outcome: isOff ? 'cancelled' : 'failed', ...failureOf(cause) }
  }
}

/**
 * Makes one attempt. Its outcome is `pending` if another attempt can help.
 *
 * @throws if there must be no other attempt: the signal's reason, TelemetryOffError, or the host's error if consent
 * cannot be read
 */
async function attemptOnce (ping: LoggedPing, { url, version, signal, assertConsent }: Delivery): Promise<Attempt> {
  await assertConsent()
  const consent = watchConsent(assertConsent)
  const combined = AbortSignal.any([signal, consent.withdrawn])
  try {
    const { body, idempotencyKey } = ping
    return judgeAnswer(await post({ url, body, version, idempotencyKey, signal: combined, beforeWrite: consent.check }))
  } catch (error) {
    combined.throwIfAborted()
    return { ...NO_ANSWER, outcome: 'pending', ...failureOf(error) }
  } finally {
    consent.stop()
  }
}

/**
 * Reads consent once a second. So a request is aborted even if telemetry was turned off by another process, or in a
 * host that cannot notify.
 */
function watchConsent (assertConsent: Delivery['assertConsent']) {
  const controller = new AbortController()
  let isChecking = false
  const check = async () => {
    try {
      await assertConsent()
    } catch (error) {
      controller.abort(error)
      throw error
    }
  }
  const timer = setInterval(() => {
    // On a slow database the previous check may still be running.
    if (isChecking) return
    isChecking = true
    check().catch(() => {}).finally(() => { isChecking = false })
  }, CONSENT_CHECK_MS).unref()
  return { withdrawn: controller.signal, check, stop: () => { clearInterval(timer) } }
}

function judgeAnswer (answer: Answer): Attempt {
  const { status } = answer
  if (status >= 200 && status < 300) {
    return isConfirmation(answer.receipt)
      ? { ...answer, outcome: 'delivered', errorCode: null, error: null }
      : { ...answer, outcome: 'unconfirmed', errorCode: null, error: `answered ${status}, but not as a collector does` }
  }
  const outcome = isRetryable(status) ? 'pending' : 'failed'
  return { ...answer, outcome, errorCode: null, error: `the collector answered ${status}` }
}

/** Checks whether a collector confirmed that it stored the ping. A login page or an empty answer does not. */
function isConfirmation (receipt: string): boolean {
  try {
    return (JSON.parse(receipt) as { status?: unknown } | null)?.status === 'success'
  } catch {
    return false
  }
}

function tellLog (failures: FailureLog, { outcome, errorCode, error }: PingResult, willRetry: boolean): void {
  if (outcome === 'delivered') failures.worked()
  else failures.failed({ code: errorCode, message: error }, willRetry)
}

function failureOf (thrown: unknown): Pick<PingResult, 'errorCode' | 'error'> {
  const { code, message } = describeError(thrown)
  return { errorCode: code, error: message }
}

/** Returns the maximum number of attempts for one ping, the first included. */
export function maxAttempts (kind: PingKind): number {
  return kind === 'manual' ? 1 : 4
}

/** Checks whether another attempt can help: after a status that asks for one later, and after a server error. */
function isRetryable (status: number): boolean {
  return [408, 425, 429].includes(status) || status >= 500
}

/**
 * Computes how long to wait after a failed attempt, in milliseconds: as long as `Retry-After` asks, at most an hour.
 * Without that header, a random time of up to 30, 60 and 120 s (exponential backoff with full jitter), so that
 * installations that failed at the same moment do not all retry at the same moment.
 *
 * @param attempt the attempt that failed, counted from 1
 * @param retryAfter the header as received: seconds, or an HTTP date
 * @param random a number from 0 to 1
 */
export function retryDelay (
  attempt: number, retryAfter: string | null, now: Date, random: () => number = Math.random
): number {
  const asked = parseRetryAfter(retryAfter, now)
  return asked > 0 ? Math.min(asked, LONGEST_RETRY_AFTER_MS) : random() * BACKOFF_MS * 2 ** (attempt - 1)
}

function parseRetryAfter (value: string | null, now: Date): number {
  if (value === null) return 0
  if (/^\d+$/.test(value)) return Number(value) * 1000
  // Date.parse accepts almost any text; HTTP dates end in GMT.
  return value.endsWith('GMT') ? Date.parse(value) - now.getTime() : 0
}
