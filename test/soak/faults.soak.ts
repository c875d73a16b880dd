import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import timers from 'node:timers/promises'
import v8 from 'node:v8'
import { runInNewContext } from 'node:vm'
import { assertCountReturns } from '../helpers/follow-ping.js'
import { afterRequest, answerOf, startPeer } from '../helpers/peer.js'
import { buildPlatform, type Platform } from '../helpers/platform.js'
import { freePort } from '../helpers/postgres.js'

/** Warms up everything that is kept on purpose: the 100 pings of the log, compiled code, the pools of Node.js. */
const WARM_UP_ROUNDS = 30
const ROUNDS = 100

/** A leak of only the body of each ping, 350 bytes, must fail. V8's own tables account for some 100. */
const MOST_BYTES_PER_PING = 256

const LOOKS = 10
const LOOK_MS = 200

/** How a peer handles successive connections. */
const treatments: ((socket: Socket) => void)[] = [
  (socket) => { socket.resetAndDestroy() },
  afterRequest((socket) => { socket.resetAndDestroy() }),
  afterRequest((socket) => { socket.write('HTTP/1.1 200 OK\r\nserv', () => { socket.resetAndDestroy() }) }),
  (socket) => { socket.end('SSH-2.0-OpenSSH_9.6\r\n') },
  afterRequest((socket) => { socket.end(answerOf(503, { 'retry-after': '60' }, 'closed')) }),
  afterRequest((socket) => { socket.end(answerOf(302, { location: 'http://flowforge.invalid/' })) }),
  afterRequest(pour),
  afterRequest((socket) => { socket.end(answerOf(200, {}, '{"status":"success"}')) })
]

v8.setFlagsFromString('--expose-gc')
// V8 compiles and discards code at any time, which changes some hundred bytes a ping and could hide a leak.
for (const flag of ['--no-flush-bytecode', '--no-opt', '--no-sparkplug']) v8.setFlagsFromString(flag)
const collectGarbage = runInNewContext('gc') as () => void

test(`${ROUNDS} pings to each kind of fault leak neither memory nor handles`, async (t) => {
  const platforms = await startPlatforms(t)
  const outcomes = new Map<string, number>()
  const round = async () => {
    for (const { app, log } of platforms) {
      const { error, status } = await app.telemetry.send()
      const what = status ? String(status) : error!.split(':')[0]!
      outcomes.set(what, (outcomes.get(what) ?? 0) + 1)
      // The log is kept by the test, not by the platform.
      log.lines.length = 0
    }
  }
  for (let n = 0; n < WARM_UP_ROUNDS; n++) await round()
  const handles = countHandles()
  const before = await measureHeap(handles)
  for (let n = 0; n < ROUNDS; n++) await round()
  const growth = (await measureHeap(handles) - before) / (ROUNDS * platforms.length)
  t.diagnostic(`${growth.toFixed()} bytes a ping; ${JSON.stringify(Object.fromEntries(outcomes))}`)
  assert.ok(growth < MOST_BYTES_PER_PING, `${growth.toFixed()} bytes leak with each ping`)
})

/** One platform for each fault, as the configuration sets the URL. */
async function startPlatforms (t: TestContext): Promise<Platform[]> {
  const peers = await Promise.all(treatments.map((treat) => startPeer(t, treat)))
  const urls = peers.map(({ url }) => url)
  urls.push(`http://127.0.0.1:${await freePort()}/`, urls[4]!.replace('http:', 'https:'), 'http://flowforge.invalid/')
  return Promise.all(urls.map((url) => buildPlatform(t, { telemetry: { url } })))
}

/**
 * The bytes in use, of the heap and of buffers, after every connection has ended. Takes the least of some measurements,
 * as undici and SQLite release memory within a second.
 */
async function measureHeap (handles: number): Promise<number> {
  await assertCountReturns(countHandles, handles)
  let least = Infinity
  for (let look = 0; look < LOOKS; look++) {
    await timers.setTimeout(LOOK_MS)
    collectGarbage()
    const { heapUsed, external } = process.memoryUsage()
    least = Math.min(least, heapUsed + external)
  }
  return least
}

function countHandles (): number {
  return process.getActiveResourcesInfo().filter((name) => name !== 'Immediate').length
}

function pour (socket: Socket): void {
  socket.write('HTTP/1.1 200 OK\r\n\r\n')
  const more = () => { while (!socket.destroyed && socket.write('x'.repeat(65_536))); }
  socket.on('drain', more)
  more()
}
