import type { FastifyRequest } from 'fastify'
import { isIP } from 'node:net'
import { RequestProblem } from './request-problem.js'

/**
 * Refuses a request under a name that is not the platform's, until the setup is finished. Otherwise a site that lets
 * its own name point to this machine (DNS rebinding) could create the account from the browser of somebody who visits
 * it.
 *
 * @throws RequestProblem 421
 */
export async function refuseUnknownHosts (request: FastifyRequest): Promise<void> {
  const { server: { config, settings }, url } = request
  if (settings.get('setup:initialised') || url === '/health') return
  const name = (request.hostname ?? '').toLowerCase().replace(/^\[|\]$|\.$/g, '')
  const { base_url: baseUrl, host } = config
  const own = ['localhost', host.toLowerCase(), ...baseUrl ? [new URL(baseUrl).hostname] : []]
  if (isIP(name) || name.endsWith('.localhost') || own.includes(name)) return
  throw new RequestProblem(421, 'unknown_host',
    'Until the setup is finished, the platform answers only to its address, to localhost, and ' +
    'to the names in flowforge.yml. Open it under one of these, or set base_url there and restart it.')
}
