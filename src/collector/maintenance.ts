/** The scheduled jobs of the collector, in UTC. A job that was missed or failed is repeated at the next full minute. */
import type { FastifyBaseLogger, FastifyInstance, onRequestHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import cron from 'node-cron'
import { watchClock, type Clock } from './clock.js'
import { DAY, dayOf } from './day.js'
import { RequestError } from './http/errors.js'
import { finishDays } from './storage/figures.js'
import type { Database } from './storage/database.js'
import { hasHistory, historyDaysLeft, replayHistory } from './storage/history.js'
import { openPartitions } from './storage/partitions.js'
import { correctFuture, deletePings, deleteSilent } from './storage/retention.js'
import type { Salts } from './storage/salts.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Runs the jobs that are due. Resolves when they are done. */
    maintain: () => Promise<void>
    /**
     * Returns how many days of an older release's pings are not counted yet: a lower bound, and 0 if all are counted.
     */
    historyDaysLeft: () => number
    /** Hook for routes that change pings: refuses requests with 503 while an older release's pings are counted. */
    whenReady: onRequestHookHandler
  }
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE

interface Options {
  /** A connection for slow statements. */
  db: Database
  salts: Salts
  settings: { retentionDays: number, newPerAddress: number }
  clock: Clock
}

interface Job {
  what: string
  /** The job is due once per period, `delay` after its start; both in milliseconds. */
  period: number
  delay: number
  /** Whether the job waits until the clock can be trusted, because it cannot be undone. */
  needsTrust: boolean
  run: () => Promise<unknown>
}

export const maintenance = fp<Options>(async (app: FastifyInstance, options: Options) => {
  const { db, clock } = options
  const stop = new AbortController()
  const isTrusted = watchClock(db, clock, app.log)
  const jobs = jobsOf(app, options, stop.signal)
  const done = new Map<Job, number>()
  let daysLeft = await historyDaysLeft(db, dayOf(clock.now()))
  let history = daysLeft > 0
  let running = Promise.resolve()

  async function runDue (): Promise<void> {
    const trusted = await isTrusted().catch(() => false)
    if (history && trusted) history = !await countHistory(app, options, stop.signal, (left) => { daysLeft = left })
    if (history) return
    for (const job of jobs) {
      const slot = Math.floor((clock.now() - job.delay) / job.period)
      if (stop.signal.aborted || done.get(job) === slot || (job.needsTrust && !trusted)) continue
      if (await runJob(job, app.log)) done.set(job, slot)
    }
  }

  /** Runs jobs one after the other. The database is closed only after them. */
  function enqueue (): void {
    running = running.then(runDue).catch((error) => app.log.error({ err: error }, 'maintenance failed'))
  }

  app.decorate('maintain', () => { enqueue(); return running })
  app.decorate('historyDaysLeft', () => daysLeft)
  app.decorate('whenReady', (_request, _reply, done) => {
    if (!history) return done()
    done(new RequestError(503, 'the collector is counting the pings of an older release; ' +
      `days left: ${daysLeft}; try again later`))
  })
  // Missed jobs are caught up, so node-cron need not print a warning for each missed minute.
  const task = cron.schedule('0 * * * * *', enqueue, { timezone: 'Etc/UTC', suppressMissedWarning: true })
  app.addHook('onReady', async () => { enqueue() })
  app.addHook('onClose', async () => {
    stop.abort()
    await task.destroy()
    await running
  })
}, { name: 'collector.maintenance', fastify: '5.x' })

/** Runs a job and logs its error. @returns whether it succeeded */
async function runJob ({ what, run }: Job, log: FastifyBaseLogger): Promise<boolean> {
  try {
    await run()
    return true
  } catch (error) {
    log.error({ err: error }, `${what} failed; the next attempt is within a minute`)
    return false
  }
}

function jobsOf (app: FastifyInstance, { db, salts, settings, clock: { now } }: Options, signal: AbortSignal): Job[] {
  const today = () => dayOf(now())
  return [
    // Hourly rather than at midnight: if the database were down at midnight, a salt would last another day.
    { what: 'destroying salts', period: HOUR, delay: 0, needsTrust: false, run: () => salts.destroy(now()) },
    { what: 'creating partitions', period: HOUR, delay: 0, needsTrust: true, run: () => openPartitions(db, today()) },
    {
      what: 'counting figures',
      period: DAY,
      // By then every ping that was received before midnight has been stored or refused.
      delay: 10 * MINUTE,
      needsTrust: true,
      async run () {
        const corrected = await correctFuture(db, today())
        if (corrected > 0) app.log.warn({ installations: corrected }, 'pings from the future are corrected')
        const days = await finishDays(db, dayOf(now() - 10 * MINUTE), settings.newPerAddress, signal)
        if (days > 0) app.log.info({ days }, 'figures of finished days are counted')
      }
    },
    {
      what: 'deleting old pings',
      period: DAY,
      delay: 20 * MINUTE,
      needsTrust: true,
      async run () {
        const deleted = await deletePings(db, today() - settings.retentionDays, signal)
        const unit = db.kind === 'postgres' ? 'days' : 'pings'
        const words = `pings older than ${settings.retentionDays} days are deleted`
        if (deleted > 0) app.log.info({ [unit]: deleted }, words)
        await deleteSilent(db, today())
      }
    }
  ]
}

/** Counts the pings of an older release, and logs the progress. @returns whether all of them are counted */
async function countHistory (
  app: FastifyInstance, options: Options, signal: AbortSignal, note: (daysLeft: number) => void
): Promise<boolean> {
  const { db, settings, clock } = options
  app.log.info('counting the pings of an older release; until then pings are answered 503')
  let toldAt = 0
  const onDay = (left: number) => {
    note(left)
    if (left > 0 && Date.now() - toldAt < 5000) return
    toldAt = Date.now()
    const words = left > 0 ? 'counting the pings of an older release' : 'the pings of the older release are counted'
    app.log.info({ daysLeft: left }, words)
  }
  await replayHistory(db, { today: dayOf(clock.now()), ...settings, signal, onDay })
  return !await hasHistory(db)
}
