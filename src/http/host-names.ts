import type { FastifyRequest } from 'fastify'
import { isIP } from 'node:net'
import { RequestProblem } from './request-problem.js'

/**
 * Refuses a request under a name that is not the platform's, until the setup is finished. Otherwise a site that lets
 * its own name point to this machine (DNS rebinding) could create the account from the browser of somebody who visits
 * it.
 *
 * @throws RequestProblem 421; 400 for two names, of which a proxy may have seen the other
 */
export async function refuseUnknownHosts (request: FastifyRequest): Promise<void> {
  const { server: { config, settings }, url } = request
  // A request that a test makes up has no such list.
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

/** The name that a request asks for: that of an absolute target counts more than the Host header (RFC 9112, 3.2.2). */
function nameOf ({ url, hostname }: FastifyRequest): string {
  if (url.startsWith('/')) return hostname ?? ''
  return URL.canParse(url) ? new URL(url).hostname : ''
}
