import swagger from '@fastify/swagger'
import fp from 'fastify-plugin'
import { SESSION_COOKIE } from './csrf.js'

/** Describes the API as OpenAPI, from the schemas of its routes. Registered before them, so that it sees them all. */
export default fp(async (app) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'FlowForge platform', version: app.config.version },
      components: {
        securitySchemes: { session: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE } }
      }
    },
    // A route with a tag is for programs; the others are pages and their assets.
    hideUntagged: true
  })
}, { name: 'app.openapi', dependencies: ['app.config'], fastify: '5.x' })
