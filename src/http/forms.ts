import formbody from '@fastify/formbody'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { mediaTypeOf } from './media-type.js'

type Fields = Record<string, unknown>

/** Accepts bodies of forms and JSON; refuses any other with 415. */
export async function acceptForms (app: FastifyInstance): Promise<void> {
  // As text/plain, another site could post JSON without a preflight.
  app.removeContentTypeParser('text/plain')
  await app.register(formbody)
  app.addHook('preValidation', async (request) => { if (isForm(request)) readSwitches(request) })
}

/** Checks whether the request is a page's form, so that the answer should be a page. */
export function isForm (request: FastifyRequest): boolean {
  return mediaTypeOf(request) === 'application/x-www-form-urlencoded'
}

/** Answers a request that succeeded: redirects a form to the next page, sends `{"status":"okay"}` to a program. */
export function answer (request: FastifyRequest, reply: FastifyReply, next: string) {
  return isForm(request) ? reply.redirect(next, 303) : reply.send({ status: 'okay' })
}

/**
 * Converts the switches of a form into the booleans that its schema requires: a browser sends "true" for a switch that
 * is on, and leaves out one that is off. Any other text is left for the schema to refuse.
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
