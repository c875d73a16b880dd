import csrf from '@fastify/csrf-protection'
import formbody from '@fastify/formbody'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { RequestProblem } from './request-problem.js'

type Fields = Record<string, unknown>

/** Reads the forms of the pages, and refuses those that another site made a browser send. */
export async function acceptForms (app: FastifyInstance): Promise<void> {
  // Text would be a way to post JSON from another site without the browser asking first.
  app.removeContentTypeParser('text/plain')
  await app.register(formbody)
  await app.register(csrf, {
    cookieOpts: { path: '/', httpOnly: true, sameSite: 'lax', secure: app.isSecure },
    getToken: (request) => (request.body as Fields | undefined)?._csrf as string,
    logLevel: 'debug'
  })
  app.addHook('onRequest', refuseOtherSites)
  app.addHook('preValidation', function (request, reply, done) {
    if (!isForm(request)) return done()
    readSwitches(request)
    app.csrfProtection(request, reply, done)
  })
}

/** Whether a page's form was sent, and the person waits for a page. */
export function isForm (request: FastifyRequest): boolean {
  return request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') ?? false
}

/** Answers what succeeded: a form is sent on to the next page, automation gets `{"status":"okay"}`. */
export function answer (request: FastifyRequest, reply: FastifyReply, next: string) {
  return isForm(request) ? reply.redirect(next, 303) : reply.send({ status: 'okay' })
}

async function refuseOtherSites (request: FastifyRequest): Promise<void> {
  const site = request.headers['sec-fetch-site']
  if (['GET', 'HEAD'].includes(request.method) || !site || ['same-origin', 'none'].includes(site)) return
  throw new RequestProblem(403, 'other_site', 'This request came from another site and was refused.')
}

/**
 * Turns the switches of a form into the booleans that its schema asks for: a browser sends "true" for a switch that
 * is on and leaves out one that is off. Any other text stays what it is, and the schema refuses it.
 */
function readSwitches (request: FastifyRequest): void {
  const schema = request.routeOptions.schema?.body as { properties?: Record<string, { type?: string }> } | undefined
  const fields = request.body as Fields
  for (const [name, property] of Object.entries(schema?.properties ?? {})) {
    if (property.type !== 'boolean') continue
    if (fields[name] === 'true') fields[name] = true
    if (fields[name] === 'false' || fields[name] === undefined) fields[name] = false
  }
}
