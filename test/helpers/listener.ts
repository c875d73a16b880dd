import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { within } from './within.js'

export interface ReceivedRequest {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
}

export interface Listener {
  url: string
  /** Every request so far. */
  requests: ReceivedRequest[]
  /** How many connections were made so far. */
  connections: () => number
  /** Resolves to the next request not returned before. */
  next: () => Promise<ReceivedRequest>
}

type Answer = (response: ServerResponse, request: ReceivedRequest) => void

/** The answer of a collector that has stored a ping. */
export const CONFIRMATION = '{"status":"success"}'

const ok: Answer = (response) => { response.setHeader('content-type', 'application/json').end(CONFIRMATION) }

/** A real HTTP server on this machine that records requests and answers with `answer`. */
export async function startListener (t: TestContext, answer: Answer = ok): Promise<Listener> {
  const requests: ReceivedRequest[] = []
  let connections = 0
  let asked = 0
  const server = createServer(async (request, response) => {
    const received = await receive(request)
    requests.push(received)
    server.emit('received')
    answer(response, received)
  })
  server.on('connection', () => { connections++ })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    connections: () => connections,
    async next () {
      while (requests.length <= asked) await within(`request ${asked + 1}`, once(server, 'received'))
      return requests[asked++]!
    }
  }
}

async function receive (request: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const { method, url, headers } = request
  return { method: method!, url: url!, headers, body: Buffer.concat(chunks).toString() }
}
