import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import cron from 'node-cron'
import { QueryTypes, type Sequelize } from 'sequelize'
import { DAY, type Salts } from './storage/salts.js'

/** Rows deleted in one statement: a few milliseconds, after which the pings that wait have their turn. */
const STEP = 1000

/**
 * Deletes the pings that are older than the period, the oldest first.
 *
 * @param before milliseconds since 1970
 * @param signal ends it after the step that it is at
 * @returns how many were deleted
 */
export async function deletePings (db: Sequelize, before: number, signal?: AbortSignal): Promise<number> {
  let all = 0
  while (!signal?.aborted) {
    // The oldest have the lowest ids, so no index of its own is needed: it would cost every ping.
    const deleted = await db.query(
      'DELETE FROM pings WHERE id IN (SELECT id FROM pings ORDER BY id LIMIT $1) AND received_at < $2',
      { bind: [STEP, before], type: QueryTypes.BULKDELETE }) as unknown as number
    all += deleted
    if (deleted < STEP) break
  }
  return all
}

interface Options {
  db: Sequelize
  salts: Salts
  retentionDays: number
  now: () => number
}

/** What a collector does by itself: salts destroyed on the hour, old pings deleted once a day. All times are UTC. */
export const upkeep = fp<Options>(async (app: FastifyInstance, { db, salts, retentionDays, now }) => {
  const stop = new AbortController()
  let running = Promise.resolve()

  /** One after the other, and all of them before the database is closed. A failure is tried again at the next time. */
  function run (what: string, work: () => Promise<unknown>): void {
    running = running.then(work).then(() => {}, (error) => app.log.error({ err: error }, `${what} failed`))
  }

  const destroySalts = () => run('destroying salts', () => salts.destroy(now()))
  const deleteOld = () => run('deleting old pings', async () => {
    const deleted = await deletePings(db, now() - retentionDays * DAY, stop.signal)
    if (deleted > 0) app.log.info({ deleted }, `pings older than ${retentionDays} days are deleted`)
  })
  const schedule = (expression: string, work: () => void) => cron.schedule(expression, work, { timezone: 'Etc/UTC' })
  // Salts hourly, not only at midnight: one midnight at which the database was away would keep a salt for a day.
  const tasks = [schedule('0 0 * * * *', destroySalts), schedule('0 30 3 * * *', deleteOld)]
  app.addHook('onReady', async () => { destroySalts(); deleteOld() })
  app.addHook('onClose', async () => {
    stop.abort()
    await Promise.all(tasks.map(async (task) => task.destroy()))
    await running
  })
}, { name: 'collector.upkeep', fastify: '5.x' })
