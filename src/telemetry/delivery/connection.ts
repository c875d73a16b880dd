import { once } from 'node:events'
import type { LookupAddress } from 'node:dns'
import type { IncomingMessage } from 'node:http'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { unescape } from 'node:querystring'
import type { TLSSocket } from 'node:tls'
import { ConnectionError } from './connection-error.js'
import { lookUp } from './lookup.js'
import { findProxy } from './proxy.js'

/** Limit for the name lookup and the TCP connection together. */
export const REACH_MS = 5_000
const TUNNEL_MS = 10_000
const TLS_MS = 5_000

/** Limit for one address of a host that has several; after it the next one is tried. */
const ADDRESS_MS = 2_000

/** One end of a connection: a host and its port. */
export interface Endpoint {
  host: string
  port: number
}

export interface ConnectionOptions {
  /** Ends the connection, also while it is being made. */
  signal: AbortSignal
  /**
   * Called before each step that sends something after a wait: a question to a name server, the connection, the first
   * byte on it, and the first byte through a tunnel. What it throws ends the connection.
   */
  beforeWrite: () => Promise<void>
}

/**
 * Connects to the host of a URL, through a proxy if the environment names one. TLS is always verified.
 *
 * @returns a socket to which an HTTP request can be written
 * @throws the signal's reason, the error of `beforeWrite`, or an error with a `code`; the code begins with `PROXY_` if
 * the proxy caused it
 */
export async function connect (url: URL, { signal, beforeWrite }: ConnectionOptions): Promise<Socket> {
  const proxy = findProxy(url)
  const target = endpointOf(url)
  const options = { signal, beforeWrite }
  const socket = proxy ? await connectThrough(proxy.url, target, options) : await reach(target, signal, beforeWrite)
  if (url.protocol !== 'https:') return socket
  await assertFor(socket, beforeWrite)
  return openTls(socket, target.host, signal)
}

async function connectThrough (
  proxy: URL, target: Endpoint, { signal, beforeWrite }: ConnectionOptions
): Promise<Socket> {
  const { host, port } = endpointOf(proxy)
  let socket = await blameProxy(reach({ host, port }, signal, beforeWrite))
  await assertFor(socket, beforeWrite)
  if (proxy.protocol === 'https:') {
    socket = await blameProxy(openTls(socket, host, signal))
    await assertFor(socket, beforeWrite)
  }
  return blameProxy(openTunnel(socket, proxy, target, signal))
}

/** Closes the socket if it may not be written to. */
export async function assertFor (socket: Socket, beforeWrite: ConnectionOptions['beforeWrite']): Promise<void> {
  try {
    await beforeWrite()
  } catch (refusal) {
    socket.destroy()
    throw refusal
  }
}

export function endpointOf ({ protocol, hostname, port }: URL): Endpoint {
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port) || (protocol === 'https:' ? 443 : 80) }
}

/** Looks up a host and connects to it. */
export function reach (
  endpoint: Endpoint, signal: AbortSignal, beforeWrite: ConnectionOptions['beforeWrite'] = async () => {}
): Promise<Socket> {
  return withinLimit(REACH_MS, `${endpoint.host} could not be reached in time`, signal, async (limited) => {
    const addresses = await lookUp(endpoint.host, limited, beforeWrite)
    await beforeWrite()
    return openTcp(endpoint, addresses, limited)
  })
}

/** Connects to the first address that answers. */
export async function openTcp (
  { host, port }: Endpoint, addresses: LookupAddress[], signal: AbortSignal
): Promise<Socket> {
  const socket = connectTcp({
    host,
    port,
    noDelay: true,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ADDRESS_MS,
    // Asked for all addresses, because of autoSelectFamily.
    lookup: (_host, _options, callback) => { callback(null, addresses) }
  })
  destroyOnAbort(socket, signal)
  try {
    await opened(socket, 'connect')
    return socket
  } catch (error) {
    // If several addresses failed, each has its own error, and the AggregateError has no message.
    const { code, errors = [] } = error as NodeJS.ErrnoException & { errors?: Error[] }
    if (errors.length === 0) throw error
    throw new ConnectionError(code ?? 'ECONNREFUSED', errors.map(({ message }) => message).join('; '))
  }
}

/** Opens TLS on a socket. Always verifies the certificate, even if NODE_TLS_REJECT_UNAUTHORIZED is 0. */
export async function openTls (socket: Socket, host: string, signal: AbortSignal): Promise<TLSSocket> {
  const { default: tls } = await import('node:tls')
  return withinLimit(TLS_MS, `${host} did not finish the TLS handshake in time`, signal, async (limited) => {
    const servername = isIP(host) ? '' : host.replace(/\.$/, '')
    const secure = tls.connect({ socket, host, servername, ALPNProtocols: ['http/1.1'], rejectUnauthorized: true })
    wrappers.set(socket, secure)
    destroyOnAbort(secure, limited)
    await opened(secure, 'secureConnect')
    return secure
  })
}

/** Asks a proxy for a connection to the target. The proxy learns only the target's name and port. */
export async function openTunnel (
  socket: Socket, proxy: URL, { host, port }: Endpoint, signal: AbortSignal
): Promise<Socket> {
  const { request } = await import('node:http')
  const path = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const credentials = [proxy.username, proxy.password].map((each) => unescape(each)).join(':')
  const headers = {
    Host: path,
    ...credentials === ':' ? {} : { 'Proxy-Authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }
  }
  return withinLimit(TUNNEL_MS, 'the proxy did not answer in time', signal, async (limited) => {
    destroyOnAbort(socket, limited)
    const connecting = request({ method: 'CONNECT', path, headers, createConnection: () => socket }).end()
    // Needed after the answer, too: the signal may end the tunnel.
    connecting.on('error', () => {})
    const [{ statusCode }, tunnel, head] = await once(connecting, 'connect') as [IncomingMessage, Socket, Buffer]
    if (statusCode === 200) {
      tunnel.unshift(head)
      return tunnel
    }
    tunnel.destroy()
    throw new ConnectionError(String(statusCode), `the proxy answered ${statusCode}`)
  })
}

/** Maps a socket that carries TLS to its TLS socket. */
const wrappers = new WeakMap<Socket, Socket>()

/**
 * Destroys a socket when the signal aborts. If the socket carries TLS by then, destroys the TLS socket, which destroys
 * the one below it. In the other order Node.js 20 was seen to crash with a segmentation fault after a TLS handshake.
 * For the same reason the `signal` is not passed to Node.js, which would destroy the lower socket.
 */
function destroyOnAbort (socket: Socket, signal: AbortSignal): void {
  const destroy = () => {
    let outermost = socket
    for (let wrapper = wrappers.get(outermost); wrapper; wrapper = wrappers.get(outermost)) outermost = wrapper
    outermost.destroy(signal.reason as Error)
  }
  signal.addEventListener('abort', destroy, { once: true })
  socket.once('close', () => { signal.removeEventListener('abort', destroy) })
}

/** Waits until a socket is open. Errors after that are left to the code that uses the socket. */
async function opened (socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  socket.on('error', () => {})
  try {
    await once(socket, event)
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** Prefixes the code of a step's error with `PROXY_`. */
export async function blameProxy<T> (step: Promise<T>): Promise<T> {
  try {
    return await step
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw typeof code === 'string' ? new ConnectionError(`PROXY_${code}`, message) : error
  }
}

/**
 * Runs one step with a time limit in milliseconds.
 *
 * @throws ConnectionError `ETIMEDOUT` with the message, the signal's reason, or the step's error
 */
export async function withinLimit<T> (
  limit: number, message: string, signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>
): Promise<T> {
  signal.throwIfAborted()
  const tooLate = new AbortController()
  const timer = setTimeout(() => { tooLate.abort(new ConnectionError('ETIMEDOUT', message)) }, limit).unref()
  const either = AbortSignal.any([signal, tooLate.signal])
  try {
    return await run(either)
  } catch (error) {
    either.throwIfAborted()
    throw error
  } finally {
    clearTimeout(timer)
  }
}
