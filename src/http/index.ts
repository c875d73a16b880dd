import cookie from '@fastify/cookie'
import helmet, { type FastifyHelmetOptions } from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import fp from 'fastify-plugin'
import { refuseForgeries } from './csrf.js'
import { answerErrors } from './errors.js'
import { acceptForms } from './forms.js'
import { refuseUnknownHosts } from './host-names.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether people reach the platform by https. Its cookies are then marked secure. */
    isSecure: boolean
  }
}

/** Registers what all routes share: cookies, security headers, limits, forms and errors. */
export default fp(async (app) => {
  const isSecure = app.config.base_url?.startsWith('https:') ?? false
  app.decorate('isSecure', isSecure)
  // Reread until the setup is finished, because another replica may finish it. It never becomes unfinished again.
  app.addHook('onRequest', async () => {
    if (app.settings.get('setup:initialised')) return
    await app.settings.refresh('setup:initialised').catch(() => { /* the handler reports errors of the database */ })
  })
  await app.register(helmet, securityHeaders(isSecure))
  await app.register(cookie)
  await app.register(rateLimit, { global: false })
  await acceptForms(app)
  app.addHook('onRequest', refuseUnknownHosts)
  await refuseForgeries(app)
  answerErrors(app)
  // Pages and answers are private, and must not be cached on a shared computer. Assets set their own header.
  app.addHook('onRequest', async (_request, reply) => { reply.header('cache-control', 'no-store') })
}, { name: 'app.http', dependencies: ['app.config', 'app.settings'], fastify: '5.x' })

function securityHeaders (isSecure: boolean): FastifyHelmetOptions {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        // Pico's style sheet draws form controls from data: URLs.
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"]
      }
    },
    // Sent by a platform on plain http, this header would make all other ports of the host unreachable by http.
    // It does not include other hosts of the domain, which the platform knows nothing about.
    strictTransportSecurity: isSecure ? { includeSubDomains: false } : false
  }
}
