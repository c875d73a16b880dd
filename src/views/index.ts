import fastifyStatic from '@fastify/static'
import view from '@fastify/view'
import { Eta } from 'eta'
import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { join } from 'node:path'

declare module 'fastify' {
  interface FastifyReply {
    /** Sends a page: a capability's template, for example `setup/finish`, inside the shared layout. */
    page: (template: string, data?: Record<string, unknown>) => FastifyReply
  }
}

/** Registers templates, layout and assets, which all pages share. */
export default fp(async (app) => {
  await app.register(view, {
    engine: { eta: new Eta() },
    root: join(import.meta.dirname, '..'),
    // Caches templates in every environment.
    production: true
  })
  await app.register(serveAssets)
  app.decorateReply('page', sendPage)
}, { name: 'app.views', dependencies: ['app.http'], fastify: '5.x' })

function sendPage (this: FastifyReply, template: string, data: Record<string, unknown> = {}): FastifyReply {
  const { user, url: path } = this.request
  return this.view(template, { user, path, csrf: this.csrfToken(), ...data })
}

/** Serves assets in a separate scope: they need no session, and may be cached. */
async function serveAssets (app: Parameters<typeof fastifyStatic>[0]): Promise<void> {
  await app.register(fastifyStatic, { root: join(import.meta.dirname, 'assets'), prefix: '/assets/', maxAge: '1h' })
}
