import type { FastifyRequest } from 'fastify'
import { isIP } from 'node:net'
import { RequestProblem } from './request-problem.js'

/**
 * Refuses requests to unknown host names until the setup is finished. Otherwise a site whose name resolves to this
 * machine (DNS rebinding) could create the administrator's account from the browser of a visitor.
 *
 * @throws RequestProblem 421; 400 for more than one Host header, because a proxy may have used another one
 */
export async function refuseUnknownHosts (request: FastifyRequest): Promise<void> {
  const { server: { config, settings }, url } = request
  // A request made by `app.inject` has no headersDistinct.
  const { host: hosts = [] } = request.raw.headersDistinct as NodeJS.Dict<string[]> | undefined ?? {}
  if (hosts.length > 1) throw new RequestProblem(400, 'invalid_request', 'There is more than one Host header.')
  if (settings.get('setup:initialised') || url === '/health') return
  const name = nameOf(request).toLowerCase().replace(/^\[|\]$|\.$/g, '')
  const { base_url: baseUrl, host } = config
  const own = ['localhost', host.toLowerCase(), ...baseUrl ? [new URL(baseUrl).hostname] : []]
  if (isIP(name) || name.endsWith('.localhost') || own.includes(name)) return
  throw new RequestProblem(421, 'unknown_host',
    'Until the setup is finished, the platform answers only to its address, to localhost, and ' +
    'to the names in flowforge.yml. Open it under one of these, or set base_url there and restart it.')
}

/** Returns the requested host name: that of an absolute target, else that of the Host header (RFC 9112, 3.2.2). */
function nameOf ({ url, hostname }: FastifyRequest): string {
  if (url.startsWith('/')) return hostname ?? ''
  return URL.canParse(url) ? new URL(url).hostname : ''
}
