import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { DAY, dayOf } from '../day.js'
import { newestDay } from '../report/read-report.js'
import { requireToken } from '../report/access.js'
import type { Database } from '../storage/database.js'
import { listPartitions } from '../storage/partitions.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Notes the size of a batch of pings that is being committed. */
    noteBatch: (size: number) => void
  }
}

/** The value of the label `cause`, by the status of the answer. */
const CAUSES: Record<number, string> = {
  200: 'stored', 400: 'invalid', 408: 'timeout', 413: 'too large', 415: 'media type', 429: 'limit', 503: 'unavailable'
}

interface Options {
  db: Database
  token?: string
  now: () => number
}

/** `GET /metrics` in the format of Prometheus, with the token of the report. */
export const metrics = fp<Options>(async (app: FastifyInstance, { db, token, now }) => {
  const registry = new Registry()
  const registers = [registry]
  const batches = new Histogram({
    name: 'collector_batch_pings',
    help: 'Pings committed together.',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
    registers
  })
  watchDatabase(registry, db, now)
  const history = new Gauge({
    name: 'collector_history_days',
    help: 'Days of the pings of an older release that are not counted yet; pings are refused meanwhile.',
    registers
  })
  const waiting = new Gauge({ name: 'collector_waiting_pings', help: 'Pings that wait to be committed.', registers })

  app.decorate('noteBatch', (size: number) => { batches.observe(size) })
  watchPings(app, registry)
  app.get('/metrics', { onRequest: requireToken(token) }, async (_request, reply) => {
    waiting.set(app.waitingPings.waiting())
    history.set(app.historyDaysLeft())
    return reply.type(registry.contentType).send(await registry.metrics())
  })
}, { name: 'collector.metrics', dependencies: ['collector.client-address', 'collector.maintenance'], fastify: '5.x' })

/** Counts and times the pings that are answered. */
function watchPings (app: FastifyInstance, registry: Registry): void {
  const registers = [registry]
  const pings = new Counter({
    name: 'collector_pings_total',
    help: 'Pings answered, by status and cause.',
    labelNames: ['status', 'cause'],
    registers
  })
  const seconds = new Histogram({
    name: 'collector_ping_seconds',
    help: 'Time from the arrival of a ping to its answer.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers
  })
  // Looking up a counter by its labels costs as much as all other hooks of a ping.
  const counters = new Map<number, Counter.Internal>()
  const counterOf = (status: number) => {
    const counter = counters.get(status) ?? pings.labels(String(status), CAUSES[status] ?? 'other')
    counters.set(status, counter)
    return counter
  }
  app.addHook('onResponse', (request, reply, done) => {
    if (request.method === 'POST' && ['/', '/ping'].includes(request.routeOptions.url ?? '')) {
      counterOf(reply.statusCode).inc()
      seconds.observe(reply.elapsedTime / 1000)
    }
    done()
  })
}

/** Registers the metrics that are read from the database on request, and left out while it is unavailable. */
function watchDatabase (registry: Registry, db: Database, now: () => number): void {
  const registers = [registry]
  const read = async (gauge: Gauge, value: () => Promise<number | undefined>) => {
    gauge.reset()
    const found = await value().catch(() => undefined)
    if (found !== undefined) gauge.set(found)
  }
  // eslint-disable-next-line no-new
  new Gauge({
    name: 'collector_figures_age_seconds',
    help: 'Time since the end of the newest day that has figures; more than 90000 means that counting fails.',
    registers,
    async collect () {
      await read(this, async () => {
        const day = await newestDay(db)
        return day === undefined ? undefined : (now() - (day + 1) * DAY) / 1000
      })
    }
  })
  // eslint-disable-next-line no-new
  new Gauge({
    name: 'collector_days_ahead',
    help: 'Whole days after today for which PostgreSQL has a partition.',
    registers,
    async collect () {
      await read(this, async () => {
        const days = await listPartitions(db)
        const today = dayOf(now())
        if (days.length === 0) return undefined
        let ahead = 0
        while (days.includes(today + ahead + 1)) ahead++
        return ahead
      })
    }
  })
}
