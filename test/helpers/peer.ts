import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import tls from 'node:tls'
import type { Certificate } from './certificates.js'
import { CONFIRMATION } from './listener.js'

export interface Peer {
  port: number
  /** Its URL: https if it has a certificate, else http. */
  url: string
  /** The number of connections so far. */
  connections: () => number
  /** The number of bytes received so far, over all connections. */
  bytes: () => number
}

/** A real server on this machine that handles each connection with `treat`, HTTP or not; stopped after the test. */
export async function startPeer (t: TestContext, treat: (socket: Socket) => void, certificate?: Certificate): Promise<Peer> {
  const take = (socket: Socket) => {
    treat(socket)
    // Read even if the peer sends nothing: otherwise the end of the connection would not be noticed.
    socket.resume()
  }
  const server = certificate ? tls.createServer(certificate, take) : net.createServer(take)
  const sockets = new Set<Socket>()
  let connections = 0
  let bytes = 0
  server.on('connection', (socket: Socket) => {
    connections++
    sockets.add(socket)
    socket.on('data', ({ length }) => { bytes += length })
    socket.on('error', () => { /* the platform may hang up at any time */ })
    socket.on('close', () => { sockets.delete(socket) })
  })
  if (certificate) server.on('secureConnection', (socket: Socket) => { socket.on('error', () => {}) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `${certificate ? 'https' : 'http'}://localhost:${port}/`,
    connections: () => connections,
    bytes: () => bytes
  }
}

/** Acts once, after the request was received. */
export function afterRequest (act: (socket: Socket) => void) {
  return (socket: Socket) => { socket.once('data', () => { act(socket) }) }
}

/** An answer in full, as text. */
export function answerOf (status: number, headers: Record<string, string> = {}, body = ''): string {
  const lines = Object.entries({ 'content-length': String(Buffer.byteLength(body)), ...headers })
  return `HTTP/1.1 ${status} Any\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
}

/** The answer of a collector that has stored a ping, as text. */
export const CONFIRMED = answerOf(200, { 'content-type': 'application/json' }, CONFIRMATION)

/** Writes a first part, and then one byte per second of the test's clock. */
export function drip (start: string) {
  return afterRequest((socket) => {
    socket.write(start)
    const go = () => {
      if (socket.destroyed) return
      socket.write('x')
      setTimeout(go, 1_000)
    }
    go()
  })
}
