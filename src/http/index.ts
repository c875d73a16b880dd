import cookie from '@fastify/cookie'
import helmet, { type FastifyHelmetOptions } from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import fp from 'fastify-plugin'
import { refuseForgeries } from './csrf.js'
import { answerErrors } from './errors.js'
import { acceptForms } from './forms.js'
import { refuseUnknownHosts } from './host-names.js'
import { isSecure } from './scheme.js'
import { takeTurns } from './take-turns.js'

/** Registers what all routes share: cookies, security headers, limits, forms and errors. */
export default fp(async (app) => {
  // The first hook, before any work.
  app.addHook('onRequest', takeTurns())
  // Reread until the setup is finished, because another replica may finish it. It never becomes unfinished again.
  app.addHook('onRequest', async () => {
    if (app.settings.get('setup:initialised')) return
    await app.settings.refresh('setup:initialised').catch(() => { /* the handler reports errors of the database */ })
  })
  await app.register(helmet, securityHeaders)
  await app.register(cookie)
  await app.register(rateLimit, { global: false })
  await acceptForms(app)
  app.addHook('onRequest', refuseUnknownHosts)
  await refuseForgeries(app)
  answerErrors(app)
  // Pages and answers are private, and must not be cached on a shared computer. Assets set their own header.
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store')
    if (isSecure(request)) reply.header('strict-transport-security', STRICT_TRANSPORT)
  })
}, { name: 'app.http', dependencies: ['app.config', 'app.settings'], fastify: '5.x' })

/** A year, only for this host. The platform knows nothing about other hosts of the domain. */
const STRICT_TRANSPORT = `max-age=${365 * 24 * 60 * 60}`

const securityHeaders: FastifyHelmetOptions = {
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
  // Sent by a platform on plain http, this header would make all other ports of the host unreachable by http. So it
  // depends on the request.
  strictTransportSecurity: false
}
