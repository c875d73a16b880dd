/** Decides whether the clock can be trusted for steps that cannot be undone: finishing a day, and deleting old data. */
import type { FastifyBaseLogger } from 'fastify'
import { DAY, dateOf, dayOf } from './day.js'
import { newestDay } from './report/read-report.js'
import type { Statements } from './storage/database.js'
import { hasHistory } from './storage/history.js'

const MINUTE = 60_000

/** The clock is not trusted if it differs from the database's by more than this, or was set by more than this. */
const MOST_SKEW = 5 * MINUTE

/** If the newest figures are older than this, in days, either no collector ran, or the clock is ahead. */
const MOST_DAYS_OFF = 8

export interface Clock {
  /** Milliseconds since 1970. */
  now: () => number
  /** A monotonic clock in milliseconds. */
  uptime: () => number
  /** Reads the clock of the database server, or of this machine if there is no server. */
  databaseNow: () => Promise<number>
}

/**
 * Builds a function that checks whether the clock can be trusted. It is trusted unless
 * - it was set by more than five minutes in the last ten,
 * - it differs from the database's by more than five minutes,
 * - it is before the end of the newest day that has figures, or
 * - it is more than 8 days after it, and was started or set less than 24 hours ago.
 *
 * The function logs changes of the result, and throws if the database does not answer.
 */
export function watchClock (
  db: Statements, clock: Clock, log: Pick<FastifyBaseLogger, 'warn' | 'info'>
): () => Promise<boolean> {
  const wasSet = watchSteps(clock)
  let told: string | undefined
  return async () => {
    const steadyFor = wasSet()
    const doubt = steadyFor.sinceSet < 10 * MINUTE
      ? 'it was set by more than five minutes'
      : await compareWithDatabase(db, clock, steadyFor.sinceStart)
    if (doubt !== told) {
      if (doubt === undefined) log.info('the clock is trusted again')
      else {
        const time = new Date(clock.now()).toISOString()
        log.warn({ clock: time }, `figures and retention wait for the clock: ${doubt}`)
      }
    }
    told = doubt
    return doubt === undefined
  }
}

/** @returns a function that returns the milliseconds since the clock was set, and since it was set or started */
function watchSteps ({ now, uptime }: Clock): () => { sinceSet: number, sinceStart: number } {
  let offset = now() - uptime()
  let setAt = -Infinity
  const startedAt = uptime()
  return () => {
    const current = now() - uptime()
    if (Math.abs(current - offset) > MOST_SKEW) setAt = uptime()
    offset = current
    return { sinceSet: uptime() - setAt, sinceStart: uptime() - Math.max(startedAt, setAt) }
  }
}

async function compareWithDatabase (
  db: Statements, { now, databaseNow }: Clock, sinceStart: number
): Promise<string | undefined> {
  if (Math.abs(now() - await databaseNow()) > MOST_SKEW) {
    return "it differs from the database's by more than five minutes"
  }
  const newest = await newestDay(db)
  if (newest === undefined) return undefined
  if (now() < (newest + 1) * DAY) return `there are figures of ${dateOf(newest)}, which is not over by it`
  if (dayOf(now()) - newest <= MOST_DAYS_OFF || sinceStart >= DAY || await hasHistory(db)) return undefined
  return `the newest figures are of ${dateOf(newest)}; if it is right, nothing needs to be done for 24 hours`
}
