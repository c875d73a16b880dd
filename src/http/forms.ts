import formbody from '@fastify/formbody'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { mediaTypeOf } from './media-type.js'

type Fields = Record<string, unknown>

/** Reads the forms of the pages, and JSON; any other body is refused with 415. */
export async function acceptForms (app: FastifyInstance): Promise<void> {
  // Text would be a way to post JSON from another site without the browser asking first.
  app.removeContentTypeParser('text/plain')
  await app.register(formbody)
  app.addHook('preValidation', async (request) => { if (isForm(request)) readSwitches(request) })
}

/** Whether a page's form was sent, and the person waits for a page. */
export function isForm (request: FastifyRequest): boolean {
  return mediaTypeOf(request) === 'application/x-www-form-urlencoded'
}

/** Answers what succeeded: a form is sent on to the next page, automation gets `{"status":"okay"}`. */
export function answer (request: FastifyRequest, reply: FastifyReply, next: string) {
  return isForm(request) ? reply.redirect(next, 303) : reply.send({ status: 'okay' })
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
