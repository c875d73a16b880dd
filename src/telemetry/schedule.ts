import { randomInt } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import cron from 'node-cron'

const BOOT_DELAY_MS = 30_000
const SECONDS_A_DAY = 86_400

export interface Schedule {
  /** When the daily ping is due next. */
  nextDaily: () => Date | null
  stop: () => void
}

/**
 * Starts the clock: the boot ping in 30 seconds, the daily ping at a time of the day picked at random, so that a
 * million installations spread over the day. Neither timer keeps the process alive.
 */
export function startSchedule (run: (kind: 'boot' | 'daily') => unknown, log: FastifyBaseLogger): Schedule {
  const boot = setTimeout(() => { run('boot') }, BOOT_DELAY_MS).unref()
  const daily = cron.schedule(expressionOf(randomInt(SECONDS_A_DAY)), () => run('daily'), {
    // In UTC no clock change skips or doubles a run.
    timezone: 'Etc/UTC',
    // A run that the process slept or blocked through is late, not lost.
    missedExecutionTolerance: SECONDS_A_DAY * 1000,
    suppressMissedWarning: true,
    unref: true,
    logger: {
      info: (message) => { log.debug(message) },
      debug: (message) => { log.debug(message) },
      warn: (message) => { log.debug(message) },
      error: (message, error) => { log.debug({ err: error ?? message }, 'The daily ping did not run.') }
    }
  })
  return {
    nextDaily: () => daily.getNextRun(),
    stop () {
      clearTimeout(boot)
      daily.destroy()
    }
  }
}

/** The cron expression, in six fields, of one second of the day. */
function expressionOf (second: number): string {
  return `${second % 60} ${Math.floor(second / 60) % 60} ${Math.floor(second / 3600)} * * *`
}
