import type { FastifyRequest } from 'fastify'

/** The media type of a request's body, in lower case and without parameters; empty where it names none. */
export function mediaTypeOf ({ headers }: FastifyRequest): string {
  return headers['content-type']?.split(';', 1)[0]!.trim().toLowerCase() ?? ''
}
