import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createHistogram } from 'node:perf_hooks'

export interface Load {
  /** Answered with 200, a second. */
  perSecond: number
  p50: number
  p99: number
  failed: number
}

export interface LoadOptions {
  /** Whether the n-th ping of a connection is one that is refused with 400. */
  isInvalid?: (connection: number, n: number) => boolean
  /** The installation of the next ping; without it, a new one. */
  idOf?: () => string
  /** Whether a ping answered with 503 is resent at once until it is stored. */
  retry?: boolean
  /** Called with the idempotency key of each ping that was answered with 200, and how often it was refused before. */
  onStored?: (key: string, refusals: number) => void
}

const ping = (id: string, invalid: boolean) => JSON.stringify({
  instanceId: id,
  os: { type: 'Linux', release: '6.1.0-18-amd64', arch: 'x64' },
  env: { nodejs: 'v20.11.1', flowforge: '2.1.0' },
  platform: { counts: { users: invalid ? 'many' : 12, teams: 3, projects: 27 }, config: { driver: 'docker' } }
})

/**
 * Posts pings over the given number of connections, on each the next one when the last is answered. Writes prepared
 * bytes with a new instance id and idempotency key: on two cores, a client as expensive as the server would be half of
 * what is measured.
 *
 * @param url the address of an intake on this machine
 * @returns the figures of those that were valid; `failed` are valid ones that were not answered with 200
 */
export async function postPings (
  url: string, connections: number, seconds: number, options: LoadOptions = {}
): Promise<Load> {
  const { hostname, port } = new URL(url)
  const latency = createHistogram()
  let failed = 0
  const end = performance.now() + seconds * 1000
  const sockets = Array.from({ length: connections }, () => connect(Number(port), hostname).setNoDelay())
  await Promise.all(sockets.map(async (socket, connection) => {
    await once(socket, 'connect')
    await keepPosting(socket, end, makePings(connection, options), ({ status, milliseconds, key, refusals }) => {
      if (status === '200') {
        latency.record(Math.max(1, Math.round(milliseconds * 1000)))
        options.onStored?.(key, refusals)
      } else if (status !== '400') failed++
      return options.retry === true && status === '503'
    })
  }))
  return { perSecond: latency.count / seconds, p50: latency.percentile(50) / 1000, p99: latency.percentile(99) / 1000, failed }
}

interface Answer { status: string, milliseconds: number, key: string, refusals: number }

/** The bytes of a request, with the places of its instance id and its key. */
function prepare (invalid: boolean): { request: Buffer, slots: number[] } {
  const body = ping(SLOT, invalid)
  const request = Buffer.from('POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n' +
    `idempotency-key: ${SLOT}\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  return { request, slots: [request.indexOf(SLOT), request.lastIndexOf(SLOT)] }
}

/** Makes one request after the other: its bytes, and its idempotency key. */
function makePings (connection: number, { isInvalid = () => false, idOf }: LoadOptions): () => { bytes: Buffer, key: string } {
  const [valid, invalid] = [prepare(false), prepare(true)]
  let n = 0
  return () => {
    const { request, slots: [first, second] } = isInvalid(connection, n++) ? invalid : valid
    const key = randomUUID()
    request.write(key, first!, 'latin1')
    request.write(idOf?.() ?? key, second!, 'latin1')
    // A copy, because the socket may still hold the bytes when the next ones are made.
    return { bytes: Buffer.from(request), key }
  }
}

/** @param isToRepeat called with each answer; returns whether the same ping is resent */
function keepPosting (
  socket: Socket, end: number, next: () => { bytes: Buffer, key: string }, isToRepeat: (answer: Answer) => boolean
): Promise<void> {
  let [{ bytes, key }, sentAt, refusals, answer] = [next(), 0, 0, '']
  const send = () => {
    sentAt = performance.now()
    socket.write(bytes)
  }
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
      if (!isComplete(answer)) return
      const repeat = isToRepeat({ status: answer.slice(9, 12), milliseconds: performance.now() - sentAt, key, refusals })
      answer = ''
      if (performance.now() >= end) {
        socket.destroy()
        return resolve()
      }
      refusals = repeat ? refusals + 1 : 0
      if (!repeat) ({ bytes, key } = next())
      send()
    })
    send()
  })
}

const SLOT = '00000000-0000-4000-8000-000000000000'

const LENGTH = 'content-length: '

function isComplete (answer: string): boolean {
  const head = answer.indexOf('\r\n\r\n')
  return head > 0 && answer.length >= head + 4 + parseInt(answer.slice(answer.indexOf(LENGTH) + LENGTH.length), 10)
}
