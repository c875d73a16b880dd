import type { FastifyRequest } from 'fastify'

/** Returns the media type of a request's body, in lower case and without parameters; empty if there is none. */
export function mediaTypeOf ({ headers }: FastifyRequest): string {
  return headers['content-type']?.split(';', 1)[0]!.trim().toLowerCase() ?? ''
}
