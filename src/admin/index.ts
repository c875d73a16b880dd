import type { FastifyPluginAsync } from 'fastify'
import { requireAdministrator } from '../accounts/guard.js'
import { api } from './api.js'
import { home } from '../home/index.js'
import { telemetryPage } from './telemetry-page.js'

/** The home page, Admin Settings, and the API behind them. */
const admin: FastifyPluginAsync = async (app) => {
  await app.register(home)
  await app.register(async (guarded) => {
    guarded.addHook('onRequest', requireAdministrator)
    await guarded.register(telemetryPage)
    await guarded.register(api, { prefix: '/api/v1' })
  })
}

export default admin
