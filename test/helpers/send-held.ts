import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** Sends the head of a request. The returned function sends the body and resolves to the status. */
export async function sendHeld (
  app: FastifyInstance, method: string, path: string, cookies: Record<string, string>, body: object
): Promise<() => Promise<number>> {
  if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const text = JSON.stringify(body)
  const request = httpRequest({
    port,
    host: '127.0.0.1',
    method,
    path,
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      cookie: Object.entries(cookies).map(([name, value]) => `${name}=${value}`).join('; ')
    }
  })
  const arrived = once(app.server, 'request')
  request.flushHeaders()
  await arrived
  // Once another request has been answered, the checks before the body have run.
  await app.inject('/health')
  return async () => {
    request.end(text)
    const [response] = await once(request, 'response')
    response.resume()
    return response.statusCode as number
  }
}
