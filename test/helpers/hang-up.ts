import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { within } from './within.js'

/** When a client hangs up: once the headers of its request are read, in the middle of the body, or after it. */
export const MOMENTS = ['after the headers', 'in the body', 'after the body'] as const

export type Moment = typeof MOMENTS[number]

interface Sent {
  method: string
  url: string
  headers?: Record<string, string>
  body: string
}

/** Sends a request to a server in this process, and resets the connection at a moment observed in the server. */
export async function hangUp (server: Server, moment: Moment, { method, url, headers = {}, body }: Sent): Promise<void> {
  const { port } = server.address() as AddressInfo
  const id = randomUUID()
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => { /* the server may be first */ })
  const gone = new Promise<void>((resolve) => {
    const listen = async (request: IncomingMessage, response: ServerResponse) => {
      // Not identified by its port: reading the port would make the server cache the address, too.
      if (request.headers['x-moment'] !== id) return
      server.off('request', listen)
      response.once('close', resolve)
      if (moment === 'after the headers') socket.resetAndDestroy()
      else request.once(moment === 'in the body' ? 'data' : 'end', () => { socket.resetAndDestroy() })
    }
    // The first listener, so that the client is gone before its request is handled.
    server.prependListener('request', listen)
  })
  await once(socket, 'connect')
  const length = Buffer.byteLength(body) + (moment === 'in the body' ? 1 : 0)
  const lines = Object.entries({ host: 'localhost', 'x-moment': id, 'content-type': 'application/json', ...headers, 'content-length': String(length) })
  socket.write(`${method} ${url} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`)
  await within(`the end of ${method} ${url}`, gone)
}
