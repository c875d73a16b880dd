import fp from 'fastify-plugin'
import { openSettings, type Settings } from './settings.js'

declare module 'fastify' {
  interface FastifyInstance {
    settings: Settings
  }
}

/** Gives every capability the platform's settings as `app.settings`. */
export default fp(async (app) => {
  app.decorate('settings', await openSettings(app.db.models.PlatformSetting))
}, { name: 'app.settings', dependencies: ['app.db'], fastify: '5.x' })

export { InvalidSettingError, type Settings } from './settings.js'
