import { Socket } from 'node:net'
import type { buildConnector, Dispatcher } from 'undici'

const CONNECT_MS = 5_000
const HEADERS_MS = 10_000
const BODY_MS = 10_000
const RECEIPT_BYTES = 65_536

/** What the collector answered. */
export interface Answer {
  status: number
  contentType: string | null
  /** The answer's body, up to `answerBytes`. */
  receipt: string
  /** The header as received. */
  retryAfter: string | null
}

/** One POST to the collector. */
export interface Post {
  url: string
  /** The exact text, as recorded. */
  body: string
  /** The release of the platform, for `user-agent`. */
  version: string
  idempotencyKey: string
  /** Aborts the request, and any connection that is being made for it. */
  signal: AbortSignal
  /** Called when the connection, or the tunnel through a proxy, stands. If it throws, nothing is written. */
  beforeWrite: () => Promise<void>
  /** How much of the answer is read, in bytes; 64 KiB if absent. */
  answerBytes?: number
}

/**
 * Posts a ping once, within 25 seconds. Sends only the headers that the ping needs, follows no redirect, always verifies
 * TLS, obeys HTTPS_PROXY, HTTP_PROXY and NO_PROXY, and leaves no connection open.
 *
 * @throws the network's error, the signal's reason or the error of `beforeWrite`, if there was no answer
 */
export async function post (
  { url, body, version, idempotencyKey, signal, beforeWrite, answerBytes = RECEIPT_BYTES }: Post
): Promise<Answer> {
  // Loads undici, which takes some 70 ms of processor time: no sooner than a ping is posted.
  const undici = await import('undici')
  const tooLate = new AbortController()
  // Each limit below guards one phase. This one ends a peer that is slow in all of them.
  const deadline = setTimeout(() => {
    tooLate.abort(Object.assign(new Error('no complete answer in time'), { code: 'ETIMEDOUT' }))
  }, CONNECT_MS + HEADERS_MS + BODY_MS).unref()
  const combined = AbortSignal.any([signal, tooLate.signal])
  const dispatcher = createDispatcher(undici, combined, beforeWrite)
  try {
    const response = await undici.request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': `flowforge/${version}`, 'idempotency-key': idempotencyKey },
      body,
      dispatcher,
      signal: combined
    })
    const { statusCode: status, headers } = response
    const header = (name: string) => typeof headers[name] === 'string' ? headers[name] : null
    return {
      status,
      contentType: header('content-type'),
      receipt: await readReceipt(response.body, answerBytes),
      retryAfter: header('retry-after')
    }
  } finally {
    clearTimeout(deadline)
    await dispatcher.destroy()
  }
}

/** A dispatcher for one request: each connection that it makes, to the collector or to a proxy, is guarded. */
function createDispatcher (
  { buildConnector, EnvHttpProxyAgent, Pool }: typeof import('undici'), signal: AbortSignal, beforeWrite: Post['beforeWrite']
): Dispatcher {
  const limits = { headersTimeout: HEADERS_MS, bodyTimeout: BODY_MS }
  // Said explicitly, because NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment of the host would turn it off.
  const connection = { timeout: CONNECT_MS, rejectUnauthorized: true }
  const factory = (origin: string | URL, options: object) => new Pool(origin, {
    ...limits, ...options, connect: guard((options as { connect: buildConnector.connector }).connect, signal, beforeWrite)
  })
  return new EnvHttpProxyAgent({
    connect: buildConnector(connection), requestTls: connection, proxyTls: connection, factory, clientFactory: factory
  })
}

/**
 * Connects once, not after an abort, and closes the connection on an abort even while it is being made. Without this,
 * undici connects first and heeds the abort later, and reconnects endlessly to a proxy that hangs up.
 */
function guard (
  connect: buildConnector.connector, signal: AbortSignal, beforeWrite: Post['beforeWrite']
): buildConnector.connector {
  let tried = false
  return (options, callback) => {
    if (signal.aborted) return callback(signal.reason, null)
    if (tried) return callback(brokenOff(), null)
    tried = true
    const socket: unknown = connect(options, (...connected) => {
      const [error, connection] = connected
      if (error) return callback(error, null)
      beforeWrite().then(() => {
        if (connection.destroyed) callback(brokenOff(), null)
        else callback(null, connection)
      }, (refusal: Error) => {
        connection.destroy()
        callback(refusal, null)
      })
    })
    // A tunnel through a proxy has no socket of its own yet; it ends with the one to the proxy.
    if (!(socket instanceof Socket)) return
    const destroy = () => { socket.destroy(signal.reason) }
    signal.addEventListener('abort', destroy)
    socket.once('close', () => { signal.removeEventListener('abort', destroy) })
  }
}

const brokenOff = () => Object.assign(new Error('the connection broke off'), { code: 'ECONNRESET' })

/** Reads as much of the body as is kept. Never throws: the ping has arrived, so it must not be posted again. */
async function readReceipt (body: Dispatcher.ResponseData['body'], limit: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      size += chunk.length
      if (size >= limit) break
    }
  } catch (error) {
    chunks.push(Buffer.from(` [the answer broke off: ${(error as Error).message}]`))
  }
  // PostgreSQL cannot store NUL in a text.
  return Buffer.concat(chunks).subarray(0, limit).toString('utf8').replaceAll('\0', '\uFFFD')
}
