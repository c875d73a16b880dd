import type { FastifyPluginAsync } from 'fastify'
import { requireAdministrator } from '../accounts/guard.js'
import { api } from './api.js'
import { telemetryPage } from './telemetry-page.js'

/** Admin Settings, and the API behind them. */
const admin: FastifyPluginAsync = async (app) => {
  await app.register(telemetryPage)
  await app.register(async (scope) => {
    scope.addHook('onRequest', requireAdministrator)
    // Checked again after the body is read, because the session may have ended meanwhile.
    scope.addHook('preHandler', requireAdministrator)
    await scope.register(api)
  }, { prefix: '/api/v1' })
}

export default admin
