import { randomInt } from 'node:crypto'

const BOOT_DELAY_MS = 30_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

export interface Schedule {
  /** When the daily ping is due next. */
  nextDaily: () => Date
  stop: () => void
}

/**
 * Starts the clock: the boot ping in 30 seconds, the daily ping at a time of the day picked at random, so that a
 * million installations spread over the day. Neither timer keeps the process alive.
 *
 * The time of the day is reckoned in UTC, by dividing: no clock change skips or doubles a ping. A cron job would
 * read the time zones for that, some 8 MB, and node-cron stumbles over the hour that comes twice.
 */
export function startSchedule (run: (kind: 'boot' | 'daily') => unknown): Schedule {
  const timeOfDay = randomInt(DAY_MS / 1000) * 1000
  let due = nextAfter(Date.now(), timeOfDay)
  let daily = watch()
  const boot = setTimeout(() => { run('boot') }, BOOT_DELAY_MS).unref()

  /**
   * Looks at the clock when the ping is due, and every hour until then: a machine that slept, or whose clock was set,
   * is noticed within the hour. What is late by then runs late, not never.
   */
  function watch (): NodeJS.Timeout {
    return setTimeout(() => {
      const now = Date.now()
      if (now >= due) run('daily')
      due = nextAfter(now, timeOfDay)
      daily = watch()
    }, Math.min(due - Date.now(), HOUR_MS)).unref()
  }

  return {
    nextDaily: () => new Date(due),
    stop () {
      clearTimeout(boot)
      clearTimeout(daily)
    }
  }
}

/** When a time of the day comes next, both in milliseconds, in UTC. */
function nextAfter (now: number, timeOfDay: number): number {
  const today = Math.floor(now / DAY_MS) * DAY_MS + timeOfDay
  return today > now ? today : today + DAY_MS
}
