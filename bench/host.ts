/**
 * `npm run bench:host`: a platform under load on a real page, with telemetry off, on and idle, and with a ping every
 * second to a collector that is healthy, dead, or never answers.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import autocannon from 'autocannon'
import { stringify } from 'yaml'
import { buildApp, loadConfig } from '../src/app.js'
import { freePort } from '../test/helpers/postgres.js'
import { median, publish, ratio, spread } from './publish.js'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9)
const SECONDS = Number(process.env.BENCH_SECONDS ?? 6)
const CONNECTIONS = 10
const PAGE = '/account/login'

interface Figures {
  requests: number[]
  p50: number[]
  p99: number[]
  memory: number[]
}

interface Way {
  title: string
  telemetry: { enabled: boolean, url: string }
  /** Milliseconds from ping to ping. */
  every?: number
}

const directory = mkdtempSync(join(tmpdir(), 'flowforge-bench-'))
const healthy = await listen((_request, response) => response.end('{"status":"success"}'))
const silent = await listen(() => { /* never answers */ })
const dead = `http://127.0.0.1:${await freePort()}/`

const ways: Way[] = [
  { title: 'off', telemetry: { enabled: false, url: healthy.url } },
  { title: 'on and idle', telemetry: { enabled: true, url: healthy.url } },
  { title: 'a ping a second, healthy collector', telemetry: { enabled: true, url: healthy.url }, every: 1000 },
  { title: 'a ping a second, dead collector', telemetry: { enabled: true, url: dead }, every: 1000 },
  { title: 'a ping a second, collector that never answers', telemetry: { enabled: true, url: silent.url }, every: 1000 }
]

async function listen (answer: RequestListener) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server }
}

/** Loads one platform for a while. */
async function measure ({ telemetry, every }: Way) {
  const file = join(directory, 'flowforge.yml')
  writeFileSync(file, stringify({ telemetry }))
  const child = spawn(process.execPath, ['bench/host-platform.js', file, ...(every ? [String(every)] : [])], {
    env: { ...process.env, FLOWFORGE_HOME: directory }, stdio: ['ignore', 'pipe', 'inherit']
  })
  const lines = createInterface(child.stdout)
  const { url } = JSON.parse((await once(lines, 'line'))[0])
  await autocannon({ url: url + PAGE, connections: CONNECTIONS, duration: 2 })
  const { requests, latency } = await autocannon({ url: url + PAGE, connections: CONNECTIONS, duration: SECONDS })
  const last = once(lines, 'line')
  child.kill('SIGTERM')
  const { memory } = JSON.parse((await last)[0])
  await once(child, 'exit')
  return { requests: requests.average, p50: latency.p50, p99: latency.p99, memory }
}

try {
  const file = join(directory, 'flowforge.yml')
  writeFileSync(file, stringify({ telemetry: { enabled: false } }))
  const app = await buildApp(loadConfig(file, { FLOWFORGE_HOME: directory }), false)
  await app.settings.set('setup:initialised', true)
  await app.close()

  const figures = ways.map((): Figures => ({ requests: [], p50: [], p99: [], memory: [] }))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, way] of ways.entries()) {
      const measured = await measure(way)
      for (const [name, value] of Object.entries(measured)) figures[index]![name as keyof Figures].push(value)
    }
  }
  const off = figures[0]!
  publish('host', {
    title: 'The host under load',
    method: `${CONNECTIONS} connections ask the platform for its login page for ${SECONDS} seconds each way, in turn, ${ROUNDS} rounds; ` +
      'the load comes from the same machine. Ratios are taken round by round.',
    tables: [{
      title: 'The platform beside itself with telemetry off',
      columns: ['telemetry', 'requests/s, median (range)', 'beside off', 'p50 ms', 'p99 ms', 'p99 beside off', 'memory MiB'],
      rows: ways.map(({ title }, index) => {
        const { requests, p50, p99, memory } = figures[index]!
        return [title, spread(requests, 0), ratio(requests, off.requests), median(p50).toFixed(0), median(p99).toFixed(0), ratio(p99, off.p99), spread(memory, 0)]
      })
    }],
    findings: [
      `On and idle serves ${ratio(figures[1]!.requests, off.requests)} of the requests of off; the aim is 1.00 ± 0.02.`,
      'With a ping a second p99 is, beside off: ' + figures.slice(2).map(({ p99 }) => ratio(p99, off.p99)).join(', ') +
        ' (healthy, dead, never answering); the aim is at most 1.05.',
      'Latencies are counted in whole milliseconds, so that one more of five is a ratio of 1.20: p99 tells apart nothing finer. ' +
        'No way differs from off by more than off differs from itself between rounds.'
    ]
  })
} finally {
  healthy.server.closeAllConnections()
  silent.server.closeAllConnections()
  healthy.server.close()
  silent.server.close()
  rmSync(directory, { recursive: true, force: true })
}
