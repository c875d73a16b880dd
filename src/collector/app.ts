import Fastify, { LogController, type FastifyInstance } from 'fastify'
import type { Socket } from 'node:net'
import { parseProxies } from '../network/addresses.js'
import { endConnections } from '../network/end-connections.js'
import { mergeChunkedBodies } from '../network/merge-chunks.js'
import type { Clock } from './clock.js'
import { dayOf } from './day.js'
import { clientAddress } from './http/client-address.js'
import { answerErrors, invalidRequest } from './http/errors.js'
import { health } from './http/health.js'
import { ingest } from './http/ingest.js'
import { limits } from './http/limits.js'
import { logOptions } from './http/log.js'
import { metrics } from './http/metrics.js'
import { rights } from './http/rights.js'
import { maintenance } from './maintenance.js'
import { report } from './report/index.js'
import { completeSettings, type CollectorSettings } from './settings.js'
import { connect } from './storage/connect.js'
import { readDatabaseClock, type Database } from './storage/database.js'
import { openCollectorDatabase } from './storage/open.js'
import { keepSalts } from './storage/salts.js'

/** Limit between two pings on one connection. With Fastify's default of 72 s, idle connections would last too long. */
const IDLE_MS = 30_000

export interface CollectorOptions {
  /** Milliseconds since 1970. */
  now?: () => number
  /** A monotonic clock in milliseconds. Defaults to `now` if that is given. */
  uptime?: () => number
  /** The clock of the database server, in milliseconds since 1970. Defaults to `now` if that is given. */
  databaseNow?: () => number
  /** Receives the log lines instead of standard output. */
  logTo?: { write: (line: string) => void }
}

/**
 * Builds the collector, ready to listen. Closing it commits the pings that it has accepted, and closes its database.
 *
 * @throws InvalidSettingsError, or the database's error if it does not answer
 */
export async function buildCollector (
  given: Partial<CollectorSettings>, options: CollectorOptions = {}
): Promise<FastifyInstance> {
  const settings = completeSettings(given)
  const now = options.now ?? Date.now
  const db = await openCollectorDatabase(settings.databaseUrl, options.now && dayOf(now()))
  const background = await connect(settings.databaseUrl, 'maintenance')
  const app = createServer(settings, options.logTo)
  app.addHook('onClose', async () => {
    await background.close()
    await db.close()
  })

  const salts = keepSalts(db)
  await app.register(maintenance, { db: background, salts, settings, clock: clockOf(options, background) })
  await app.register(health, { db, now })
  await app.register(clientAddress, { salts, secret: settings.ipHashKey, now })
  await app.register(limits, { limit: settings.rateLimit })
  const token = settings.reportToken === undefined ? {} : { token: settings.reportToken }
  await app.register(metrics, { db, ...token, now })
  await app.register(ingest, { db, onBatch: app.noteBatch })
  await app.register(rights, { db })
  await app.register(report, {
    databaseUrl: settings.reportDatabaseUrl ?? settings.databaseUrl,
    ...token,
    isPublic: settings.public,
    now
  })
  return app
}

function clockOf ({ now, uptime, databaseNow }: CollectorOptions, db: Database): Clock {
  const given = databaseNow ?? now
  return {
    now: now ?? Date.now,
    uptime: uptime ?? now ?? (() => performance.now()),
    databaseNow: async () => given ? given() : await readDatabaseClock(db)
  }
}

function createServer (settings: CollectorSettings, logTo: CollectorOptions['logTo']): FastifyInstance {
  const timeout = settings.requestTimeout * 1000
  const app = Fastify({
    logger: logOptions(settings.logLevel, logTo),
    // Single requests are not logged, so they need no loggers of their own.
    childLoggerFactory: (logger) => logger,
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: settings.trustProxy === undefined ? false : parseProxies(settings.trustProxy.split(',')),
    bodyLimit: 64 * 1024,
    requestTimeout: timeout,
    keepAliveTimeout: IDLE_MS,
    routerOptions: { ignoreTrailingSlash: true },
    http: { headersTimeout: timeout, connectionsCheckingInterval: Math.min(timeout, 5000) },
    clientErrorHandler: refuseConnection,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    schemaErrorFormatter: ([error]) => invalidRequest(error)
  })
  app.removeContentTypeParser('text/plain')
  answerErrors(app)
  mergeChunkedBodies(app)
  // May cut off pings that are still arriving, as they have not been confirmed.
  endConnections(app)
  return app
}

/** Ends a connection that is too slow or does not speak HTTP. Logs none of its data, which may include addresses. */
function refuseConnection (error: NodeJS.ErrnoException, socket: Socket): void {
  if (socket.writable && error.code !== 'ECONNRESET') {
    const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request'
    socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  }
  socket.destroy()
}
