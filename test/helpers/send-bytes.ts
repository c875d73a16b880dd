import type { FastifyInstance } from 'fastify'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** Sends bytes, which need not be HTTP, to a server in this process. Resolves to the whole answer. */
export async function sendBytes (app: FastifyInstance, bytes: string): Promise<string> {
  if (!app.server.listening) await app.listen({ host: '127.0.0.1', port: 0 })
  const socket = net.connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  socket.end(bytes)
  return String(await buffer(socket).catch(() => ''))
}
