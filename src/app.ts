import fastify, { LogController, type FastifyInstance, type FastifyServerOptions } from 'fastify'
import accounts from './accounts/index.js'
import admin from './admin/index.js'
import config, { type PlatformConfig } from './config/index.js'
import db from './db/index.js'
import home from './home/index.js'
import { DEADLINES, MOST_CONNECTIONS } from './http/deadlines.js'
import http from './http/index.js'
import openapi from './http/openapi.js'
import { serializeError } from './database/serialize-error.js'
import { parseProxies } from './network/addresses.js'
import { mergeChunkedBodies } from './network/merge-chunks.js'
import settings from './settings/index.js'
import operatorRefusal from './settings/operator-refusal.js'
import setup from './setup/index.js'
import telemetry from './telemetry/index.js'
import views from './views/index.js'

/** Twice the longest form of the setup, a password of 1,024 letters percent-encoded. 3,000 of them unfinished are 48 MB. */
const BODY_LIMIT = 16 * 1024

/** How long a stop waits for requests in flight. */
const CLOSE_MS = 2_000

/**
 * The platform: each capability, registered in the order in which they build on each other.
 *
 * @param logger Fastify's own logger option; by default JSON lines at the configured level
 */
export async function buildApp (platformConfig: PlatformConfig, logger?: FastifyServerOptions['logger']): Promise<FastifyInstance> {
  const app = fastify({
    logger: withoutSecrets(logger ?? { level: platformConfig.logging.level }),
    bodyLimit: BODY_LIMIT,
    // A replica waits for the migrations of another, however long they take.
    pluginTimeout: 0,
    ...DEADLINES,
    // Fastify's false: nobody's X-Forwarded-For counts. Its own check knows no address with a port or a zone id.
    trustProxy: platformConfig.trust_proxy.length > 0 && parseProxies(platformConfig.trust_proxy),
    // One line a request would bury the few that an operator wants to read.
    logController: new LogController({ disableRequestLogging: true })
  })
  app.server.maxConnections = MOST_CONNECTIONS
  mergeChunkedBodies(app)
  // A connection that a browser has opened ahead of time never counts as idle: without this a stop would wait for it.
  app.addHook('preClose', async () => { setTimeout(() => { app.server.closeAllConnections() }, CLOSE_MS).unref() })
  try {
    await registerCapabilities(app, platformConfig)
  } catch (error) {
    // What a capability has opened by then would keep the process from ending.
    await app.close()
    throw error
  }
  return app
}

/** Each builds on those before it. */
async function registerCapabilities (app: FastifyInstance, platformConfig: PlatformConfig): Promise<void> {
  await app.register(config, { config: platformConfig })
  await app.register(db)
  await app.register(settings)
  await app.register(telemetry)
  await app.register(operatorRefusal)
  await app.register(openapi)
  await app.register(http)
  await app.register(views)
  await app.register(accounts)
  await app.register(setup)
  await app.register(home)
  await app.register(admin)
  app.get('/health', async () => ({ status: 'ok' }))
}

/** Lets a logger write nothing of an error but what `serializeError` keeps. */
function withoutSecrets (logger: FastifyServerOptions['logger']): FastifyServerOptions['logger'] {
  return typeof logger === 'object' ? { ...logger, serializers: { ...logger.serializers, err: serializeError } } : logger
}

export { ConfigError, loadConfig, type PlatformConfig } from './config/index.js'
