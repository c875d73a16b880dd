import Fastify, { LogController, type FastifyError, type FastifyInstance } from 'fastify'
import type { Socket } from 'node:net'
import { answerFault, faultOf } from './http/errors.js'
import { openCollectorDatabase } from './storage/database.js'
import { intake } from './http/ingest.js'
import { logOptions } from './http/log.js'
import { report } from './report/index.js'
import { keepSalts } from './storage/salts.js'
import { sender } from './http/client-address.js'
import { completeSettings, type CollectorSettings } from './settings.js'
import { upkeep } from './maintenance.js'

export interface CollectorOptions {
  /** Milliseconds since 1970. */
  now?: () => number
  /** Where log lines go instead of standard output. */
  logTo?: { write: (line: string) => void }
}

/**
 * The collector, ready to listen. Closing it commits what it has taken in, and closes its database.
 *
 * @throws InvalidSettingsError, or Sequelize's error when the database does not answer
 */
export async function buildCollector (
  given: Partial<CollectorSettings>, { now = Date.now, logTo }: CollectorOptions = {}
): Promise<FastifyInstance> {
  const settings = completeSettings(given)
  const db = await openCollectorDatabase(settings.databaseUrl)
  const app = createServer(settings, logTo)
  app.addHook('onClose', () => db.close())

  const salts = keepSalts(db)
  app.get('/health', async () => {
    await db.authenticate()
    return { status: 'ok' }
  })
  await app.register(sender, { salts, secret: settings.ipHashKey, limit: settings.rateLimit, now })
  await app.register(intake, { db })
  await app.register(upkeep, { db, salts, retentionDays: settings.retentionDays, now })
  await app.register(report, {
    databaseUrl: settings.reportDatabaseUrl ?? settings.databaseUrl, token: settings.reportToken, now
  })
  return app
}

function createServer (settings: CollectorSettings, logTo: CollectorOptions['logTo']): FastifyInstance {
  const timeout = settings.requestTimeout * 1000
  const app = Fastify({
    logger: logOptions(settings.logLevel, logTo),
    // Nothing is logged about a single request, so none needs a logger of its own.
    childLoggerFactory: (logger) => logger,
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: trustedProxies(settings.trustProxy),
    bodyLimit: 64 * 1024,
    requestTimeout: timeout,
    http: { headersTimeout: timeout, connectionsCheckingInterval: Math.min(timeout, 5000) },
    clientErrorHandler: refuseConnection,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    schemaErrorFormatter: ([error]) => {
      const property = error?.instancePath.slice(1).replaceAll('/', '.') || 'the ping'
      return new Error(`${property} ${error?.message}`)
    }
  })
  app.removeContentTypeParser('text/plain')
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const fault = faultOf(error)
    if (fault.status >= 500) request.log.error({ err: error }, fault.message)
    return answerFault(reply, fault)
  })
  app.setNotFoundHandler((_request, reply) =>
    answerFault(reply, { status: 404, message: 'nothing is here; a ping is sent by POST to / or /ping' }))
  return app
}

/** How many proxies there are, or who they are. */
function trustedProxies (setting?: string): string | false | ((address: string, hop: number) => boolean) {
  if (setting === undefined) return false
  const count = Number(setting)
  return Number.isInteger(count) ? (_address, hop) => hop < count : setting
}

/** A connection that speaks no HTTP, or is too slow. What it sent is not logged: it may hold addresses. */
function refuseConnection (error: NodeJS.ErrnoException, socket: Socket): void {
  if (socket.writable && error.code !== 'ECONNRESET') {
    const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request'
    socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  }
  socket.destroy()
}
