import type { PingKind } from '../store/ping-log.js'

const BACKOFF_MS = 30_000
const LONGEST_RETRY_AFTER_MS = 3_600_000

/** Far longer than the 25 seconds of an attempt: the reading of the consent and a slow database come on top. */
const LONGEST_ATTEMPT_MS = 120_000

/** Attempts for one ping, the first included (design, section 5). Of a manual one somebody awaits the result. */
export function attemptsFor (kind: PingKind): number {
  return kind === 'manual' ? 1 : 4
}

/** After this time, in milliseconds, no process is at work on a ping any more, if it still runs. */
export function longestDelivery (kind: PingKind): number {
  const attempts = attemptsFor(kind)
  return attempts * LONGEST_ATTEMPT_MS + (attempts - 1) * LONGEST_RETRY_AFTER_MS
}

/** Whether another attempt can help: after no answer at all, after "not now", and after the collector's own faults. */
export function isRetryable (status: number | null): boolean {
  return status === null || [408, 425, 429].includes(status) || status >= 500
}

/**
 * How long to wait after a failed attempt, in milliseconds: as long as `Retry-After` asks, but never over an hour;
 * without one at random from nothing to 30 s, 60 s, 120 s (exponential backoff with full jitter, so that
 * installations that failed together do not come back together).
 *
 * @param attempt the attempt that failed, counted from 1
 * @param retryAfter the header as received: seconds, or an HTTP date
 */
export function waitAfter (attempt: number, retryAfter: string | null, now: Date, random: () => number = Math.random): number {
  const asked = parseRetryAfter(retryAfter, now)
  return asked > 0 ? Math.min(asked, LONGEST_RETRY_AFTER_MS) : random() * BACKOFF_MS * 2 ** (attempt - 1)
}

function parseRetryAfter (value: string | null, now: Date): number {
  if (value === null) return 0
  if (/^\d+$/.test(value)) return Number(value) * 1000
  // Date.parse alone finds a date in almost any nonsense; HTTP dates end in GMT.
  return value.endsWith('GMT') ? Date.parse(value) - now.getTime() : 0
}
