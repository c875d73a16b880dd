import { Socket } from 'node:net'
import { buildConnector, EnvHttpProxyAgent, Pool, request, type Dispatcher } from 'undici'

const CONNECT_MS = 5_000
const HEADERS_MS = 10_000
const BODY_MS = 10_000
const RECEIPT_BYTES = 65_536

/** What the collector answered. */
export interface Answer {
  status: number
  /** At most 64 KiB of the answer's body. */
  receipt: string
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
}

/**
 * Posts a ping once. Sends no header but those that the ping needs, follows no redirect, verifies TLS, honours
 * HTTPS_PROXY, HTTP_PROXY and NO_PROXY, and leaves no connection open.
 *
 * @throws the network's error, or the signal's reason, where there was no answer
 */
export async function post ({ url, body, version, idempotencyKey, signal: revoked }: Post): Promise<Answer> {
  const tooLate = new AbortController()
  // The limits below each guard one phase; a peer that keeps dripping through all of them meets this one.
  const deadline = setTimeout(() => {
    tooLate.abort(Object.assign(new Error('no complete answer in time'), { code: 'ETIMEDOUT' }))
  }, CONNECT_MS + HEADERS_MS + BODY_MS).unref()
  const signal = AbortSignal.any([revoked, tooLate.signal])
  let dispatcher: Dispatcher | undefined
  try {
    dispatcher = createDispatcher(signal)
    const response = await request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': `flowforge/${version}`, 'idempotency-key': idempotencyKey },
      body,
      dispatcher,
      signal
    })
    const retryAfter = response.headers['retry-after']
    return {
      status: response.statusCode,
      receipt: await readReceipt(response.body),
      retryAfter: typeof retryAfter === 'string' ? retryAfter : null
    }
  } finally {
    clearTimeout(deadline)
    await dispatcher?.destroy()
  }
}

/** A dispatcher for one request: each connection that it takes, to the collector or a proxy, is guarded. */
function createDispatcher (signal: AbortSignal): Dispatcher {
  const limits = { headersTimeout: HEADERS_MS, bodyTimeout: BODY_MS }
  const timeout = { timeout: CONNECT_MS }
  const factory = (origin: string | URL, options: object) => new Pool(origin, {
    ...limits, ...options, connect: guard((options as { connect: buildConnector.connector }).connect, signal)
  })
  return new EnvHttpProxyAgent({
    connect: buildConnector(timeout), requestTls: timeout, proxyTls: timeout, factory, clientFactory: factory
  })
}

/**
 * Connects once, not after an abort, and lets go on an abort even while it connects. Left to itself, undici connects
 * first and minds the abort later; and where a proxy hangs up it connects again at once, without end.
 */
function guard (connect: buildConnector.connector, signal: AbortSignal): buildConnector.connector {
  let tried = false
  return (options, callback) => {
    if (signal.aborted) return callback(signal.reason, null)
    if (tried) return callback(Object.assign(new Error('the connection broke off'), { code: 'ECONNRESET' }), null)
    tried = true
    const socket: unknown = connect(options, callback)
    // A tunnel through a proxy has no socket of its own yet; the one to the proxy dies, and takes it along.
    if (!(socket instanceof Socket)) return
    const destroy = () => { socket.destroy(signal.reason) }
    signal.addEventListener('abort', destroy)
    socket.once('close', () => { signal.removeEventListener('abort', destroy) })
  }
}

/** The status alone decides; of the body as much is kept as came, up to the limit. */
async function readReceipt (body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      size += chunk.length
      if (size >= RECEIPT_BYTES) break
    }
  } catch (error) {
    chunks.push(Buffer.from(` [the answer broke off: ${(error as Error).message}]`))
  }
  // PostgreSQL keeps no NUL in a text.
  return Buffer.concat(chunks).subarray(0, RECEIPT_BYTES).toString('utf8').replaceAll('\0', '\uFFFD')
}
