import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import type { TestContext } from 'node:test'
import { prepareHome, startProcess } from './process.js'
import { SignedIn } from './signed-in.js'
import { within } from './within.js'

export interface Crowd {
  /** Requests whose body never ends. */
  half: number
  /** Connections that send nothing. */
  idle: number
  /** Logins at once, each from an address of its own. */
  logins: number
}

const MINUTE = 60_000
const MEGABYTE = 2 ** 20
const AT_ONCE = 100
const LOOKS = 30

/** An answer that takes no longer than this is at once, whatever it takes on an idle machine: it is all noise. */
const AT_ONCE_MS = 10

/** The largest body that is taken in, less the last byte. */
const BODY_BYTES = 16 * 1024
const HALF = 'POST /account/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n' +
  `content-length: ${BODY_BYTES}\r\n\r\n${'x'.repeat(BODY_BYTES - 1)}`

/**
 * Lets a crowd come to a platform's process at once, and checks that it answers others within five times its idle time,
 * and takes at most 100 MB more.
 *
 * @returns when each connection that the crowd has left open is closed
 */
export async function meetCrowd (t: TestContext, { half, idle, logins }: Crowd): Promise<() => Promise<void>> {
  const home = await prepareHome(t, { trust_proxy: ['127.0.0.1'], telemetry: { url: 'http://127.0.0.1:9', enabled: false } }, false)
  const { child, url } = await startProcess(t, home)
  const administrator = await SignedIn.setUp(url)
  await time(administrator)
  const [before, memory] = [await time(administrator), memoryOf(child.pid!)]
  const sockets: net.Socket[] = []
  t.after(() => { for (const socket of sockets) socket.destroy() })
  while (sockets.length < half + idle) {
    const some = Array.from({ length: AT_ONCE }, (_, n) => connect(url, sockets.length + n < half ? HALF : ''))
    sockets.push(...await within('the connections', Promise.all(some)))
  }
  const last = performance.now()
  const attempts = Promise.all(Array.from({ length: logins }, (_, n) => administrator.signIn(`user-${n}`, `10.1.${n >> 8}.${n & 255}`)))
  const during = await time(administrator)
  const grown = (memoryOf(child.pid!) - memory) / MEGABYTE
  const statuses = await within('the logins', attempts)
  t.diagnostic(JSON.stringify({ before, during, grown, busy: statuses.filter((status) => status === 503).length }))
  for (const path of Object.keys(before)) {
    assert.ok(during[path]! <= 5 * Math.max(before[path]!, AT_ONCE_MS), `${path}: ${during[path]} ms, idle ${before[path]} ms`)
  }
  assert.ok(grown <= 100, `${grown} MB more`)
  assert.deepEqual(statuses.filter((status) => ![401, 503].includes(status)), [])
  return async () => {
    const open = sockets.filter(({ closed }) => !closed).map((socket) => once(socket, 'close'))
    await within('the end of all connections', Promise.all(open), MINUTE - (performance.now() - last))
  }
}

/** The median of some answers each, in milliseconds. */
async function time (client: SignedIn): Promise<Record<string, number>> {
  const times: Record<string, number[]> = { '/health': [], '/admin/settings/telemetry': [] }
  for (let look = 0; look < LOOKS; look++) {
    for (const [path, all] of Object.entries(times)) {
      const start = performance.now()
      assert.equal(await client.statusOf(path), 200, path)
      all.push(performance.now() - start)
    }
  }
  return Object.fromEntries(Object.entries(times).map(([path, all]) => [path, all.toSorted((a, b) => a - b)[LOOKS / 2]!]))
}

async function connect (url: string, bytes: string): Promise<net.Socket> {
  const socket = net.connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => { /* reset, as it may be */ })
  await once(socket, 'connect')
  socket.resume()
  if (bytes) socket.write(bytes)
  return socket
}

/** The bytes of memory that a process holds. */
const memoryOf = (pid: number) => process.platform === 'linux'
  ? Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
  : Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString()) * 1024
