import type { FastifyRequest } from 'fastify'

/** Whether people reach the platform by https: base_url says so, or the trusted proxy through which a request came. */
export function isSecure (request: FastifyRequest): boolean {
  return request.server.config.base_url?.startsWith('https:') || cameByHttps(request)
}

/** Whether a request came by https. Fastify uses X-Forwarded-Proto only if the sender is in trust_proxy. */
export function cameByHttps ({ protocol }: FastifyRequest): boolean {
  return protocol?.toLowerCase() === 'https'
}
