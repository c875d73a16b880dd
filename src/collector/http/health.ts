import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { dayOf } from '../day.js'
import type { Database } from '../storage/database.js'
import { listPartitions } from '../storage/partitions.js'
import { RequestError } from './errors.js'

interface Options {
  db: Database
  now: () => number
}

/** `GET /health`: 200 while pings can be stored, today and tomorrow. */
export const health = fp<Options>(async (app: FastifyInstance, { db, now }) => {
  app.get('/health', { onRequest: app.whenReady }, async () => {
    await db.query('SELECT 1')
    if (db.kind === 'postgres') {
      const days = await listPartitions(db)
      const today = dayOf(now())
      if (!days.includes(today) || !days.includes(today + 1)) {
        throw new RequestError(503, 'there is no partition for the pings of today and tomorrow; see the log')
      }
    }
    return { status: 'ok' }
  })
}, { name: 'collector.health', dependencies: ['collector.maintenance'], fastify: '5.x' })
