import cookie from '@fastify/cookie'
import helmet, { type FastifyHelmetOptions } from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import fastifyStatic from '@fastify/static'
import view from '@fastify/view'
import { Eta } from 'eta'
import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { answerErrors } from '../http/errors.js'
import { acceptForms } from '../http/forms.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether people reach the platform by https, and its cookies must never travel without. */
    isSecure: boolean
  }
  interface FastifyReply {
    /** Sends a page: a template of a capability, `setup/finish` say, inside the layout that all pages share. */
    page: (template: string, data?: Record<string, unknown>) => FastifyReply
  }
}

/** What the pages of every capability share: layout, assets, forms, security headers and error pages. */
export default fp(async (app) => {
  const isSecure = app.config.base_url?.startsWith('https:') ?? false
  app.decorate('isSecure', isSecure)
  await app.register(helmet, securityHeaders(isSecure))
  await app.register(cookie)
  await app.register(rateLimit, { global: false })
  await app.register(view, {
    engine: { eta: new Eta() },
    root: join(import.meta.dirname, '..'),
    // Templates are read once, in every environment.
    production: true
  })
  await app.register(serveAssets)
  await acceptForms(app)
  answerErrors(app)
  // Everything but the assets is private, and a shared computer must not remember it.
  app.addHook('onRequest', async (_request, reply) => { reply.header('cache-control', 'no-store') })
  app.decorateReply('page', sendPage)
}, { name: 'app.pages', dependencies: ['app.config'], fastify: '5.x' })

function sendPage (this: FastifyReply, template: string, data: Record<string, unknown> = {}): FastifyReply {
  const { user, url: path } = this.request
  return this.view(template, { user, path, csrf: this.generateCsrf(), ...data })
}

/** A scope of its own: who asks for a style sheet needs no session and may keep what he gets. */
async function serveAssets (app: Parameters<typeof fastifyStatic>[0]): Promise<void> {
  const pico = dirname(fileURLToPath(import.meta.resolve('@picocss/pico/css/pico.min.css')))
  await app.register(fastifyStatic, {
    root: [join(import.meta.dirname, 'assets'), pico],
    prefix: '/assets/',
    maxAge: '1h'
  })
}

function securityHeaders (isSecure: boolean): FastifyHelmetOptions {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        // Pico draws the marks of its form controls from data: URLs in its style sheet.
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"]
      }
    },
    // Promised by a platform on plain http, it would lock its people out of every other port of that host.
    strictTransportSecurity: isSecure
  }
}
