/**
 * `npm run bench:startup`: what telemetry adds to the start and to the memory of its host: absent, off, on before the
 * first ping, and on after it; on SQLite and on PostgreSQL.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { breakGround, type Installation } from './platform.js'
import { estimate, publish, spread, type Table } from './publish.js'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 25)

/** Each way to have telemetry, its `enabled` in flowforge.yml, and its name. */
const WAYS = {
  absent: { enabled: false, title: 'the plugin absent' },
  off: { enabled: false, title: 'off by flowforge.yml' },
  on: { enabled: true, title: 'on, before the first ping' },
  sent: { enabled: true, title: 'on, after the first ping' }
}

type Way = keyof typeof WAYS

const ways = Object.keys(WAYS) as Way[]

interface Start {
  /** Milliseconds from the start of the process until it listens. */
  ready: number
  /** Of these, the milliseconds after configuration, database and settings: telemetry, where it is there, and listening. */
  added: number
  /** MiB that are resident then. */
  memory: number
}

type Figures = Record<Way, Start[]>

async function start (way: Way, { home, file }: Installation): Promise<Start> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', 'bench/startup-platform.js', file, way], {
    env: { ...process.env, FLOWFORGE_HOME: home }
  })
  return JSON.parse(stdout)
}

async function race (install: (way: Way) => Promise<Installation>): Promise<Figures> {
  const installations = Object.fromEntries(await Promise.all(ways.map(async (way) => [way, await install(way)]))) as Record<Way, Installation>
  const figures: Figures = { absent: [], off: [], on: [], sent: [] }
  for (let round = -1; round < ROUNDS; round++) {
    for (const way of ways) {
      const figure = await start(way, installations[way])
      if (round >= 0) figures[way].push(figure)
    }
  }
  return figures
}

/** What a way to have telemetry adds to a start without it, round by round. */
function more (figures: Figures, way: Way, what: 'added' | 'memory'): string {
  return estimate(figures[way].map((figure, round) => figure[what] - figures.absent[round]![what]))
}

/** Processor time of loading, in milliseconds, round by round: an empty plugin, and telemetry that is off. */
async function load (): Promise<Record<'empty' | 'off', number[]>> {
  const times = { empty: [] as number[], off: [] as number[] }
  for (let round = -1; round < ROUNDS; round++) {
    for (const which of ['empty', 'off'] as const) {
      const { stdout } = await promisify(execFile)(process.execPath, ['bench/startup-load.js', which])
      if (round >= 0) times[which].push(Number(stdout))
    }
  }
  return times
}

function tabulate (database: string, figures: Figures): Table {
  const spreadOf = (way: Way, what: keyof Start) => spread(figures[way].map((figure) => figure[what]))
  return {
    title: `Telemetry in a host on ${database}`,
    columns: ['telemetry', 'ready ms, median (range)', 'more ms than absent', 'memory MiB, median (range)', 'more MiB than absent'],
    rows: ways.map((way) => [
      WAYS[way].title, spreadOf(way, 'ready'), more(figures, way, 'added'), spreadOf(way, 'memory'), more(figures, way, 'memory')
    ])
  }
}

function describe (database: string, figures: Figures): string[] {
  return ([['off', 5, 1], ['on', 15, 5]] as const).map(([way, ready, memory]) => (
    `On ${database}, ${WAYS[way].title}: ${more(figures, way, 'added')} ms and ${more(figures, way, 'memory')} MiB more than ` +
      `absent; the aim is under ${ready} ms and ${memory} MiB.`))
}

const listener = createServer((_request, response) => response.end('{"status":"success"}')).listen(0, '127.0.0.1')
await once(listener, 'listening')
const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/`
const ground = await breakGround()
try {
  const tables: Table[] = []
  const findings: string[] = []
  for (const database of ground.databases) {
    const figures = await race((way) => ground.install(database, { enabled: WAYS[way].enabled, url }))
    tables.push(tabulate(database, figures))
    findings.push(...describe(database, figures))
  }
  const { empty, off } = await load()
  tables.push({
    title: 'Loading the plugin into a host that has fastify, sequelize and fastify-plugin',
    columns: ['plugin', 'processor time ms, median (range)', 'more ms than an empty one'],
    rows: [
      ['empty', spread(empty), ''],
      ['telemetry, off by flowforge.yml', spread(off), estimate(off.map((time, round) => time - empty[round]!))]
    ]
  })
  findings.push(`Loading telemetry that is off takes ${estimate(off.map((time, round) => time - empty[round]!))} ms of processor ` +
    'time more than loading an empty plugin; the aim is under 20.')
  publish('startup', {
    title: 'Start-up and memory',
    method: `A platform of configuration, database and settings, as built for production, starts ${ROUNDS} times each way, in ` +
      'turn, after one to warm up. Ready is the time from the start of the process to its listening; what telemetry adds is ' +
      'taken from the moment at which configuration, database and settings are there, which differs less from start to start. ' +
      'Memory is what is resident in the whole process after a garbage collection. Differences are taken round by round.',
    tables,
    findings
  })
} finally {
  listener.close()
  await ground.clear()
}
