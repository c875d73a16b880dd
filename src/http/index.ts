import cookie from '@fastify/cookie'
import helmet, { type FastifyHelmetOptions } from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import fp from 'fastify-plugin'
import { refuseForgeries } from './csrf.js'
import { answerErrors } from './errors.js'
import { acceptForms } from './forms.js'
import { refuseUnknownHosts } from './host-names.js'
import { isSecure } from './scheme.js'

/** What all routes share: cookies, security headers, limits, forms and errors. */
export default fp(async (app) => {
  // Once it is finished it stays so, and nothing is read any more; another replica may have finished it.
  app.addHook('onRequest', async () => {
    if (app.settings.get('setup:initialised')) return
    await app.settings.refresh('setup:initialised').catch(() => { /* whoever needs the database reports its error */ })
  })
  await app.register(helmet, securityHeaders)
  await app.register(cookie)
  await app.register(rateLimit, { global: false })
  await acceptForms(app)
  app.addHook('onRequest', refuseUnknownHosts)
  await refuseForgeries(app)
  answerErrors(app)
  // Pages and answers are private; a shared computer must not keep them. Assets set their own header.
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store')
    if (isSecure(request)) reply.header('strict-transport-security', STRICT_TRANSPORT)
  })
}, { name: 'app.http', dependencies: ['app.config', 'app.settings'], fastify: '5.x' })

/** A year, for this host alone: other hosts of the domain are not the platform's to decide about. */
const STRICT_TRANSPORT = `max-age=${365 * 24 * 60 * 60}`

const securityHeaders: FastifyHelmetOptions = {
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
  // Sent by a platform on plain http, this header would lock people out of every other port of that host. So it depends
  // on the request.
  strictTransportSecurity: false
}
