import fp from 'fastify-plugin'
import { Decisions } from './decisions.js'
import { openSettings, type Settings } from './settings.js'

declare module 'fastify' {
  interface FastifyInstance {
    settings: Settings
    /** Turns telemetry on and off, and records who did. */
    decisions: Decisions
  }
}

/**
 * Decorates the app with the platform's settings, `app.settings`, and the decisions on telemetry, `app.decisions`.
 */
export default fp(async (app) => {
  const { sequelize, models } = app.db
  const settings = await openSettings(models.PlatformSetting)
  const decisions = new Decisions(sequelize, models, settings)
  app.decorate('settings', settings)
  app.decorate('decisions', decisions)
  app.addHook('onClose', () => decisions.close())
}, { name: 'app.settings', dependencies: ['app.db'], fastify: '5.x' })
