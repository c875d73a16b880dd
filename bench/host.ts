/**
 * `npm run bench:host`: a platform under load on a real page, with telemetry off, on and idle, and with a ping every
 * second to a collector that is healthy, dead, or never answers; on SQLite and on PostgreSQL.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createHistogram } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import timers from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import autocannon from 'autocannon'
import { freePort } from '../test/helpers/postgres.js'
import { breakGround, type Installation } from './platform.js'
import { median, publish, ratio, spread, type Table } from './publish.js'

const SERIES = Number(process.env.BENCH_SERIES ?? 8)
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 6)
/** Half a minute and more: each platform has sent its boot ping by then, and what is idle is. */
const WARM_UP = 4
const SECONDS = 2
const CONNECTIONS = 10
const PAGE = '/account/login'
/** How long a platform without load sends pings, to weigh one: some hundred of them. */
const WEIGHING_MS = 20_000

const NOISE = 'Two platforms that do the same differ, too: from round to round by what else happens on a machine that shares its two cores ' +
  'with the load, PostgreSQL and its neighbours, and from start to start by how they were compiled and came to lie in memory. Off, a ' +
  'second time, shows by how much. A difference as small as that is none; more rounds (`BENCH_SERIES`, `BENCH_ROUNDS`) tell smaller ones.'

interface Way {
  title: string
  telemetry: { enabled: boolean, url: string }
  /** Milliseconds from ping to ping. */
  every?: number
}

interface Figures {
  perSecond: number[]
  /** Milliseconds. */
  p50: number[]
  p99: number[]
  /** MiB, once a series. */
  memory: number[]
}

async function waysToRun (collectors: Worker): Promise<Way[]> {
  const [{ healthy, silent }] = await once(collectors, 'message')
  const dead = `http://127.0.0.1:${await freePort()}/`
  return [
    { title: 'off', telemetry: { enabled: false, url: healthy } },
    { title: 'off, a second time', telemetry: { enabled: false, url: healthy } },
    { title: 'on and idle', telemetry: { enabled: true, url: healthy } },
    { title: 'a ping a second, healthy collector', telemetry: { enabled: true, url: healthy }, every: 1000 },
    { title: 'a ping a second, dead collector', telemetry: { enabled: true, url: dead }, every: 1000 },
    { title: 'a ping a second, collector that never answers', telemetry: { enabled: true, url: silent }, every: 1000 }
  ]
}

/** Starts a platform. It stands still, except while it is measured: five at once would measure each other. */
async function start ({ home, file }: Installation, { every }: Pick<Way, 'every'>) {
  const child = spawn(process.execPath, ['bench/host-platform.js', file, ...(every ? [String(every)] : [])], {
    env: { ...process.env, FLOWFORGE_HOME: home }, stdio: ['ignore', 'pipe', 'inherit']
  })
  const lines = createInterface(child.stdout)
  const { url } = JSON.parse((await once(lines, 'line'))[0])
  child.kill('SIGSTOP')
  return {
    async measure () {
      child.kill('SIGCONT')
      const load = await loadPage(url)
      child.kill('SIGSTOP')
      return load
    },
    async rest (milliseconds: number) {
      child.kill('SIGCONT')
      await timers.setTimeout(milliseconds)
    },
    async stop (): Promise<{ memory: number, busy: number, pings: number }> {
      child.kill('SIGCONT')
      const last = once(lines, 'line')
      child.kill('SIGTERM')
      const totals = JSON.parse((await last)[0])
      await once(child, 'exit')
      return totals
    }
  }
}

async function loadPage (url: string): Promise<{ perSecond: number, p50: number, p99: number }> {
  const latency = createHistogram()
  const load = autocannon({ url: url + PAGE, connections: CONNECTIONS, duration: SECONDS }, () => {})
  load.on('response', (_client, _status, _bytes, milliseconds) => latency.record(Math.max(1, Math.round(milliseconds * 1000))))
  const [{ requests }] = await once(load, 'done') as [autocannon.Result]
  return { perSecond: requests.average, p50: latency.percentile(50) / 1000, p99: latency.percentile(99) / 1000 }
}

/** What a ping to a healthy collector takes of the event loop of a platform that has nothing else to do. */
async function weighPing (database: string, installation: Installation): Promise<string> {
  const platform = await start(installation, { every: 50 })
  await platform.rest(WEIGHING_MS)
  const { busy, pings } = await platform.stop()
  const each = busy / pings
  return `On ${database} a ping takes ${each.toFixed(1)} ms of the event loop in all, measured without load over ${pings} pings: its ` +
    'statements go through the ORM, those that read the consent afresh among them, and its attempt opens and closes a connection. At ' +
    `one a second that is ${(each / 10).toFixed(1)} % of the time, in the order of the hundredth of the requests that p99 looks at: ` +
    'where it shows, this is why. The schedule sends one a day.'
}

/** Each series starts every platform anew; each of its rounds measures every one, after some to warm up. */
async function race (ways: Way[], install: (way: Way) => Promise<Installation>): Promise<Figures[]> {
  const figures = ways.map((): Figures => ({ perSecond: [], p50: [], p99: [], memory: [] }))
  const installations = await Promise.all(ways.map(install))
  for (let series = 0; series < SERIES; series++) {
    const platforms = []
    for (const [index, way] of ways.entries()) platforms.push(await start(installations[index]!, way))
    for (let round = -WARM_UP; round < ROUNDS; round++) {
      // Each comes first in turn, and none twice running: its caches would still be warm.
      const order = [...platforms.entries()]
      const first = (round + WARM_UP) % order.length
      for (const [index, platform] of [...order.slice(first), ...order.slice(0, first)]) {
        const load = await platform.measure()
        if (round < 0) continue
        for (const name of ['perSecond', 'p50', 'p99'] as const) figures[index]![name].push(load[name])
      }
    }
    for (const [index, platform] of platforms.entries()) figures[index]!.memory.push((await platform.stop()).memory)
  }
  return figures
}

function tabulate (database: string, ways: Way[], figures: Figures[]): Table {
  const off = figures[0]!
  return {
    title: `On ${database}, beside telemetry that is off`,
    columns: ['telemetry', 'requests/s, median (range)', 'beside off', 'p50 ms', 'p99 ms', 'p99 beside off', 'memory MiB'],
    rows: ways.map(({ title }, index) => {
      const { perSecond, p50, p99, memory } = figures[index]!
      return [title, spread(perSecond, 0), ratio(perSecond, off.perSecond), median(p50).toFixed(2), median(p99).toFixed(2),
        ratio(p99, off.p99), spread(memory, 0)]
    })
  }
}

function describe (database: string, figures: Figures[]): string {
  const [off, again, idle, ...pinging] = figures
  return `On ${database}, on and idle serves ${ratio(idle!.perSecond, off!.perSecond)} of the requests of off (the aim is 1.00 ± 0.02); ` +
    `off, a second time, ${ratio(again!.perSecond, off!.perSecond)}. With a ping a second p99 is, beside off, ` +
    `${pinging.map(({ p99 }) => ratio(p99, off!.p99)).join(', ')} for a collector that is healthy, dead, or never answers (the aim is at ` +
    `most 1.05); off, a second time, ${ratio(again!.p99, off!.p99)}.`
}

const ground = await breakGround()
const collectors = new Worker('./bench/host-collectors.js')
try {
  const ways = await waysToRun(collectors)
  const tables: Table[] = []
  const findings: string[] = []
  for (const database of ground.databases) {
    const figures = await race(ways, ({ telemetry }) => ground.install(database, telemetry))
    tables.push(tabulate(database, ways, figures))
    findings.push(describe(database, figures), await weighPing(database, await ground.install(database, ways.at(-3)!.telemetry)))
  }
  publish('host', {
    title: 'The host under load',
    method: `${CONNECTIONS} connections ask the platform for its login page for ${SECONDS} seconds each way, in turn, ${ROUNDS} rounds ` +
      `after ${WARM_UP} to warm up, in ${SERIES} series that start the platforms anew; the load comes from the same machine. A platform ` +
      'stands still while another is measured. Ratios are taken round by round.',
    tables,
    findings: [...findings, NOISE]
  })
} finally {
  await collectors.terminate()
  await ground.clear()
}
