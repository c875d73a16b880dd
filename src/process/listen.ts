import type { FastifyInstance } from 'fastify'
import { isIP } from 'node:net'
import { lookUp } from '../telemetry/delivery/lookup.js'

/**
 * Listens. Looks up a host name as for a ping: the operating system's lookup would delay a stop.
 *
 * @throws the server's error, or that of the lookup; the `syscall` of both is `listen`
 */
export async function listen (app: FastifyInstance, { host, port }: { host: string, port: number }): Promise<void> {
  await app.listen({ host: await addressOf(host), port })
}

async function addressOf (host: string): Promise<string> {
  // Fastify listens on both addresses of localhost.
  if (isIP(host) || host === 'localhost') return host
  try {
    const [first] = await lookUp(host, new AbortController().signal)
    return first!.address
  } catch (error) {
    throw Object.assign(error as Error, { syscall: 'listen' })
  }
}
