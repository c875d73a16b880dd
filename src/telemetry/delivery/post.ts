import type { buildConnector, Dispatcher } from 'undici'
import { connect, type ConnectionOptions } from './connection.js'
import { ConnectionError } from './connection-error.js'

const LONGEST_MS = 25_000
const HEADERS_MS = 10_000
const BODY_MS = 10_000
const RECEIPT_BYTES = 65_536

/** The collector's answer to a POST. */
export interface Answer {
  status: number
  contentType: string | null
  /** The answer's body, up to `answerBytes`. */
  receipt: string
  /** The header as received. */
  retryAfter: string | null
}

/** One POST to the collector. */
export interface Post extends ConnectionOptions {
  url: string
  /** The exact text, as recorded. */
  body: string
  /** The release of the platform, for `user-agent`. */
  version: string
  idempotencyKey?: string
  /** How much of the answer is read, in bytes; 64 KiB if absent. */
  answerBytes?: number
}

/**
 * Posts once, within 25 seconds. Sends only the headers that the text needs, follows no redirect, and closes the
 * connection. Calls `beforeWrite` once more after the connection, or the tunnel through a proxy, is open.
 *
 * @throws the network's error, the signal's reason or the error of `beforeWrite`, if there was no answer
 */
export async function post (
  { url, body, version, idempotencyKey, signal, beforeWrite, answerBytes = RECEIPT_BYTES }: Post
): Promise<Answer> {
  // Loaded here because undici takes some 70 ms of processor time, which only an actual POST should cost.
  const { Client, request } = await import('undici')
  const tooLate = new AbortController()
  // The client's limits below each cover one phase. This one covers a peer that is slow in all of them.
  const deadline = setTimeout(() => {
    tooLate.abort(new ConnectionError('ETIMEDOUT', 'no complete answer in time'))
  }, LONGEST_MS).unref()
  const combined = AbortSignal.any([signal, tooLate.signal])
  const dispatcher = new Client(new URL(url).origin, {
    headersTimeout: HEADERS_MS, bodyTimeout: BODY_MS, connect: connectOnce(url, { signal: combined, beforeWrite })
  })
  try {
    const response = await request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': `flowforge/${version}`,
        ...idempotencyKey && { 'idempotency-key': idempotencyKey }
      },
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

/** Makes a connector that connects only once: undici would reconnect endlessly to a proxy that hangs up. */
function connectOnce (url: string, { signal, beforeWrite }: ConnectionOptions): buildConnector.connector {
  let tried = false
  const open = async () => {
    if (tried) throw brokenOff()
    tried = true
    const socket = await connect(new URL(url), { signal, beforeWrite })
    try {
      await beforeWrite()
    } catch (refusal) {
      socket.destroy()
      throw refusal
    }
    if (socket.destroyed) throw brokenOff()
    return socket
  }
  return (_options, callback) => {
    open().then((socket) => { callback(null, socket) }, (error: Error) => { callback(error, null) })
  }
}

const brokenOff = () => new ConnectionError('ECONNRESET', 'the connection broke off')

/**
 * Reads the first `limit` bytes of the answer. Never throws: the ping has arrived and must not be posted again, so a
 * broken answer becomes part of the text.
 */
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
