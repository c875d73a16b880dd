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
  /** Called with the idempotency key of each ping that was answered with 200. */
  onStored?: (key: string) => void
}

const ping = (id: string, invalid: boolean) => JSON.stringify({
  instanceId: id,
  os: { type: 'Linux', release: '6.1.0-18-amd64', arch: 'x64' },
  env: { nodejs: 'v20.11.1', flowforge: '2.1.0' },
  platform: { counts: { users: invalid ? 'many' : 12, teams: 3, projects: 27 }, config: { driver: 'docker' } }
})

/**
 * Posts pings over so many connections, on each the next one when the last is answered. It writes bytes made before,
 * with a new instance id and idempotency key in their places: on a machine of two cores a client that costs as much
 * as the server would be half of what is measured.
 *
 * @param url the address of an intake on this machine
 * @returns the figures of those that were valid; `failed` are valid ones that were not answered with 200
 */
export async function postPings (
  url: string, connections: number, seconds: number, { isInvalid = () => false, onStored = () => {} }: LoadOptions = {}
): Promise<Load> {
  const { hostname, port } = new URL(url)
  const latency = createHistogram()
  let failed = 0
  const end = performance.now() + seconds * 1000
  const sockets = Array.from({ length: connections }, () => connect(Number(port), hostname).setNoDelay())
  await Promise.all(sockets.map(async (socket, connection) => {
    await once(socket, 'connect')
    await keepPosting(socket, end, (n) => isInvalid(connection, n), ({ status, milliseconds, key }) => {
      if (status === '200') {
        latency.record(Math.max(1, Math.round(milliseconds * 1000)))
        onStored(key)
      } else if (status !== '400') failed++
    })
  }))
  return { perSecond: latency.count / seconds, p50: latency.percentile(50) / 1000, p99: latency.percentile(99) / 1000, failed }
}

interface Answer { status: string, milliseconds: number, key: string }

/** The bytes of a request, with the places of its instance id and its key. */
function prepare (invalid: boolean): { request: Buffer, slots: number[] } {
  const body = ping(SLOT, invalid)
  const request = Buffer.from('POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n' +
    `idempotency-key: ${SLOT}\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  return { request, slots: [request.indexOf(SLOT), request.lastIndexOf(SLOT)] }
}

function keepPosting (
  socket: Socket, end: number, isInvalid: (n: number) => boolean, record: (answer: Answer) => void
): Promise<void> {
  const [valid, invalid] = [prepare(false), prepare(true)]
  let [n, sentAt, key] = [0, 0, '']
  const send = () => {
    const { request, slots } = isInvalid(n++) ? invalid : valid
    key = randomUUID()
    for (const slot of slots) request.write(key, slot, 'latin1')
    sentAt = performance.now()
    // A copy, because the socket may still hold the bytes when the next ones are made.
    socket.write(Buffer.from(request))
  }
  return new Promise((resolve, reject) => {
    let answer = ''
    socket.on('error', reject)
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
      if (!isComplete(answer)) return
      record({ status: answer.slice(9, 12), milliseconds: performance.now() - sentAt, key })
      answer = ''
      if (performance.now() < end) return send()
      socket.destroy()
      resolve()
    })
    send()
  })
}

const SLOT = '00000000-0000-4000-8000-000000000000'

function isComplete (answer: string): boolean {
  const head = answer.indexOf('\r\n\r\n')
  const length = /content-length: (\d+)/i.exec(answer)?.[1]
  return head > 0 && answer.length >= head + 4 + Number(length)
}
