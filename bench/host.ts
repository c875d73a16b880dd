/**
 * `npm run bench:host`: a platform under load on a real page, with telemetry off, on and idle, and with a ping every
 * second to a collector that is healthy, dead, or never answers; on SQLite and on PostgreSQL.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { freePort } from '../test/helpers/postgres.js'
import { CONNECTIONS, SECONDS, startLoadedPlatform, type LoadedPlatform } from './loaded-platform.js'
import { breakGround, type Installation } from './platform.js'
import { median, publish, ratio, spread, type Table } from './publish.js'

const SERIES = Number(process.env.BENCH_SERIES ?? 6)
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 6)
/** Over half a minute: by then each platform has sent its boot ping and is idle. */
const WARM_UP = 4
/** How long a platform without other load sends pings, some hundred, to measure the cost of one. */
const WEIGHING_MS = 20_000

const NOISE = 'Two platforms that do the same differ, too: from round to round by what else happens on a machine that shares its two cores ' +
  'with the load, PostgreSQL and its neighbours, and from start to start by how they were compiled and came to lie in memory. The two ' +
  'that are off show by how much. A difference as small as theirs is none; more rounds (`BENCH_SERIES`, `BENCH_ROUNDS`) tell smaller ones.'

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

/** The event loop time of a ping to a healthy collector, on an otherwise idle platform. */
async function weighPing (database: string, installation: Installation): Promise<string> {
  const platform = await startLoadedPlatform(installation, 50)
  await platform.rest(WEIGHING_MS)
  const { busy, pings } = await platform.stop()
  const each = busy / pings
  return `On ${database} a ping takes ${each.toFixed(1)} ms of the event loop in all, measured without load over ${pings} pings: its ` +
    'statements go through the ORM, those that read the consent afresh among them, and its attempt opens and closes a connection. At ' +
    `one a second that is ${(each / 10).toFixed(1)} % of the time, in the order of the hundredth of the requests that p99 looks at: ` +
    'where it shows, this is why. The schedule sends one a day.'
}

/**
 * Each series restarts every platform; after some warm-up rounds, each round measures every platform, in a different
 * order each time, so that the order gives no advantage.
 */
async function race (ways: Way[], install: (way: Way) => Promise<Installation>): Promise<Figures[]> {
  const figures = ways.map((): Figures => ({ perSecond: [], p50: [], p99: [], memory: [] }))
  const installations = await Promise.all(ways.map(install))
  for (let series = 0; series < SERIES; series++) {
    const platforms: LoadedPlatform[] = []
    for (const index of shuffle(ways.keys())) platforms[index] = await startLoadedPlatform(installations[index]!, ways[index]!.every)
    for (let round = -WARM_UP; round < ROUNDS; round++) {
      for (const [index, platform] of shuffle(platforms.entries())) {
        const load = await platform.measure()
        if (round < 0) continue
        for (const name of ['perSecond', 'p50', 'p99'] as const) figures[index]![name].push(load[name])
      }
    }
    for (const [index, platform] of platforms.entries()) figures[index]!.memory.push((await platform.stop()).memory)
  }
  return figures
}

const shuffle = <T>(items: Iterable<T>) => (
  [...items].map((item) => ({ item, place: Math.random() })).sort((a, b) => a.place - b.place).map(({ item }) => item))

/** The baseline: the mean of the two platforms with telemetry off, round by round. */
function meanOff ([off, again]: Figures[], what: 'perSecond' | 'p99'): number[] {
  return off![what].map((value, round) => (value + again![what][round]!) / 2)
}

function tabulate (database: string, ways: Way[], figures: Figures[]): Table {
  return {
    title: `On ${database}, beside telemetry that is off`,
    columns: ['telemetry', 'requests/s, median (range)', 'beside off', 'p50 ms', 'p99 ms', 'p99 beside off', 'memory MiB'],
    rows: ways.map(({ title }, index) => {
      const { perSecond, p50, p99, memory } = figures[index]!
      return [title, spread(perSecond, 0), ratio(perSecond, meanOff(figures, 'perSecond')), median(p50).toFixed(2), median(p99).toFixed(2),
        ratio(p99, meanOff(figures, 'p99')), spread(memory, 0)]
    })
  }
}

function describe (database: string, figures: Figures[]): string {
  const beside = (what: 'perSecond' | 'p99') => figures.map((each) => ratio(each[what], meanOff(figures, what)))
  const [off, again, idle] = beside('perSecond')
  const [p99Off, p99Again, , ...p99] = beside('p99')
  return `On ${database}, on and idle serves ${idle} of the requests of off (the aim is 1.00 ± 0.02); the two that are off ${off} and ` +
    `${again}. With a ping a second p99 is, beside off, ${p99.join(', ')} for a collector that is healthy, dead, or never answers (the ` +
    `aim is at most 1.05); that of the two that are off ${p99Off} and ${p99Again}.`
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
    method: `${CONNECTIONS} connections ask the platform for its login page for ${SECONDS} seconds each way, ${ROUNDS} rounds after ` +
      `${WARM_UP} to warm up, in ${SERIES} series that start the platforms anew, each time in an order drawn at random; the load comes ` +
      'from the same machine. A platform stands still while another is measured. Ratios are taken round by round, beside the mean of ' +
      'two platforms that are off.',
    tables,
    findings: [...findings, NOISE]
  })
} finally {
  await collectors.terminate()
  await ground.clear()
}
