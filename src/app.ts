import fastify, { LogController, type FastifyInstance, type FastifyServerOptions } from 'fastify'
import accounts from './accounts/index.js'
import admin from './admin/index.js'
import config, { type PlatformConfig } from './config/index.js'
import db from './db/index.js'
import documents from './documents/index.js'
import home from './home/index.js'
import { DEADLINES, MOST_CONNECTIONS } from './http/deadlines.js'
import http from './http/index.js'
import openapi from './http/openapi.js'
import { serializeError } from './database/serialize-error.js'
import { parseProxies } from './network/addresses.js'
import { endConnections } from './network/end-connections.js'
import { mergeChunkedBodies } from './network/merge-chunks.js'
import settings from './settings/index.js'
import operatorRefusal from './settings/operator-refusal.js'
import setup from './setup/index.js'
import telemetry from './telemetry/index.js'
import views from './views/index.js'

/**
 * The limit of a body in bytes: twice the longest form of the setup, with a percent-encoded password of 1,024
 * characters. Routes that anybody can use have less.
 */
const BODY_LIMIT = 16 * 1024

/**
 * Builds the platform: registers all capabilities, ready to listen.
 *
 * @param logger Fastify's own logger option; by default JSON lines at the configured level
 */
export async function buildApp (
  platformConfig: PlatformConfig, logger?: FastifyServerOptions['logger']
): Promise<FastifyInstance> {
  const app = fastify({
    logger: withoutSecrets(logger ?? { level: platformConfig.logging.level }),
    bodyLimit: BODY_LIMIT,
    // No limit, because a replica waits for the migrations of another.
    pluginTimeout: 0,
    ...DEADLINES,
    // false ignores X-Forwarded-For. Fastify's own check knows no address with a port or a zone id.
    trustProxy: platformConfig.trust_proxy.length > 0 && parseProxies(platformConfig.trust_proxy),
    // Request logs would bury the few lines that an operator wants to read.
    logController: new LogController({ disableRequestLogging: true })
  })
  app.server.maxConnections = MOST_CONNECTIONS
  mergeChunkedBodies(app)
  endConnections(app)
  try {
    await registerCapabilities(app, platformConfig)
  } catch (error) {
    // Otherwise the database, if it is open already, would keep the process from ending.
    await app.close()
    throw error
  }
  return app
}

/** Registers the capabilities in order; each depends on those before it. */
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
  await app.register(documents)
  app.get('/health', async () => ({ status: 'ok' }))
}

/** Makes a logger serialize errors with `serializeError`, which removes data. */
function withoutSecrets (logger: FastifyServerOptions['logger']): FastifyServerOptions['logger'] {
  if (typeof logger !== 'object') return logger
  return { ...logger, serializers: { ...logger.serializers, err: serializeError } }
}

export { ConfigError, loadConfig, type PlatformConfig } from './config/index.js'
