import { randomInt } from 'node:crypto'

const BOOT_DELAY_MS = 30_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

export interface Schedule {
  /** Returns when the boot ping is due; null after that. */
  nextBoot: () => Date | null
  /** Returns when the next daily ping is due. */
  nextDaily: () => Date
  stop: () => void
}

/**
 * Schedules the boot ping in 30 seconds, and the daily ping every 24 hours at a random second of the day, so that a
 * million installations spread over the day. Its timers do not keep the process running.
 *
 * Computes the time of day in UTC, so that no clock change skips or doubles a ping. node-cron was tried, and spins in
 * the hour that a clock change repeats (docs/design.md).
 */
export function startSchedule (run: (kind: 'boot' | 'daily') => unknown): Schedule {
  const timeOfDay = randomInt(DAY_MS / 1000) * 1000
  let due = nextAfter(Date.now(), timeOfDay)
  let daily = watchClock()
  let bootDue: Date | null = new Date(Date.now() + BOOT_DELAY_MS)
  const boot = setTimeout(() => {
    bootDue = null
    run('boot')
  }, BOOT_DELAY_MS).unref()

  /**
   * Checks the clock when the ping is due, and every hour until then, because the machine may have slept, or its clock
   * may have been set. A missed ping is sent late, once.
   */
  function watchClock (): NodeJS.Timeout {
    return setTimeout(() => {
      const now = Date.now()
      if (now >= due) run('daily')
      due = nextAfter(now, timeOfDay)
      daily = watchClock()
    }, Math.min(due - Date.now(), HOUR_MS)).unref()
  }

  return {
    nextBoot: () => bootDue,
    nextDaily: () => new Date(due),
    stop () {
      clearTimeout(boot)
      clearTimeout(daily)
    }
  }
}

/** Returns the next occurrence of a time of day. All are in milliseconds, in UTC. */
function nextAfter (now: number, timeOfDay: number): number {
  const today = Math.floor(now / DAY_MS) * DAY_MS + timeOfDay
  return today > now ? today : today + DAY_MS
}
