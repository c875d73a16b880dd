import swagger from '@fastify/swagger'
import fp from 'fastify-plugin'
import { SESSION_COOKIE } from './csrf.js'

/** Describes the API as OpenAPI, from the schemas of its routes. Must be registered before them. */
export default fp(async (app) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'FlowForge platform', version: app.config.version },
      components: {
        securitySchemes: { session: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE } }
      }
    },
    // Routes of the API have a tag; the others are pages and assets.
    hideUntagged: true
  })
}, { name: 'app.openapi', dependencies: ['app.config'], fastify: '5.x' })
