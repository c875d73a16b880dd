import fp from 'fastify-plugin'
import type { PlatformConfig } from './load.js'

declare module 'fastify' {
  interface FastifyInstance {
    config: PlatformConfig
  }
}

/** Decorates the app with the operator's configuration, `app.config`. */
export default fp<{ config: PlatformConfig }>(async (app, { config }) => {
  app.decorate('config', config)
  app.log.info(`The configuration is read from ${config.configFile}.`)
}, { name: 'app.config', fastify: '5.x' })

export { ConfigError } from './config-error.js'
export { loadConfig, type PlatformConfig } from './load.js'
