/**
 * `npm run bench:report`: the time of a report as a function of installations and of pings, on PostgreSQL and on SQLite,
 * with a year of daily figures; the intake meanwhile; what a day costs when it is over; and the bytes of a ping and an
 * installation. It takes about 12 minutes and 55 GB of disk. Less is measured with BENCH_INSTALLATIONS (100000,1000000),
 * BENCH_PINGS (1,10,100, of each) and BENCH_DATABASES (postgres,sqlite).
 */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { dateOf } from '../src/collector/day.js'
import { finishDay } from '../src/collector/storage/figures.js'
import { openCollectorDatabase } from '../src/collector/storage/open.js'
import { startOwnPostgres, type Postgres } from '../test/helpers/postgres.js'
import { startCandidate, stopCandidate, TOKEN } from './candidates.js'
import { copyFigures, fillInstallations, fillPings, inTurn, sizeOf, TODAY } from './fill-collector.js'
import { postPings } from './load.js'
import { median, publish } from './publish.js'
import { findingsOf, tablesOf, type Kind, type Measured, type Stored } from './report-tables.js'

const numbers = (list: string) => list.split(',').map(Number)
const INSTALLATIONS = numbers(process.env.BENCH_INSTALLATIONS ?? '100000,1000000')
const PINGS = numbers(process.env.BENCH_PINGS ?? '1,10,100')
const KINDS = (process.env.BENCH_DATABASES ?? 'postgres,sqlite').split(',') as Kind[]

/** Beyond it the pings have no key: 200 million of them must fit on the disk. */
const MOST_WITH_KEYS = 10

const UNCACHED = 31
const [CONNECTIONS, ROUNDS, SECONDS] = [16, 5, 2]

async function time (run: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await run()
  return performance.now() - start
}

/** Stores the pings of the installations, counts one day, and makes a year of it. */
async function fill (databaseUrl: string, installations: number, pings: number): Promise<Stored> {
  const db = await openCollectorDatabase(databaseUrl, TODAY, 'maintenance')
  try {
    const start = performance.now()
    const empty = await sizeOf(db)
    await fillPings(db, installations, pings, pings <= MOST_WITH_KEYS)
    const withPings = await sizeOf(db)
    await fillInstallations(db, installations, pings)
    const full = await sizeOf(db)
    const loading = performance.now() - start
    const counting = await time(() => db.kind === 'sqlite'
      ? finishDay(db, TODAY - 1, 20)
      : db.transaction((statements) => finishDay(statements, TODAY - 1, 20)))
    await copyFigures(db)
    return { loading, counting, bytesOfPings: withPings - empty, bytesOfInstallations: full - withPings }
  } finally {
    await db.close()
  }
}

async function readReport (url: string, path: string): Promise<void> {
  const response = await fetch(url + path, { headers: { authorization: `Bearer ${TOKEN}` } })
  await response.text()
  if (response.status !== 200) throw new Error(`the report answered ${response.status}`)
}

/** Each request to one collector covers days that were not requested before, so none is cached. */
function makeRanges (): () => string {
  let asked = 0
  return () => `?from=${dateOf(TODAY - 360 + asked++)}`
}

async function measure (databaseUrl: string, installations: number): Promise<Omit<Measured, keyof Stored | 'kind' | 'installations' | 'pings'>> {
  const { child, url } = await startCandidate('collector', databaseUrl)
  const nextRange = makeRanges()
  try {
    const first = await time(() => readReport(url, '/report.json'))
    const second = await time(() => readReport(url, '/report.json'))
    const uncached: number[] = []
    for (let n = 0; n < UNCACHED; n++) uncached.push(await time(() => readReport(url, `/report.json${nextRange()}`)))
    return { first, second, uncached: median(uncached), intake: await compareIntake(url, installations, nextRange) }
  } finally {
    await stopCandidate(child)
  }
}

/** The rate of the intake with a reader that asks each second, and without, alternately. */
async function compareIntake (url: string, installations: number, nextRange: () => string): Promise<number[]> {
  const ids = inTurn(installations)
  let sent = 0
  const post = async () => (await postPings(url, CONNECTIONS, SECONDS, { idOf: () => ids(sent++) })).perSecond
  await post()
  const ratios: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const withReader = async () => {
      const reads: Array<Promise<void>> = []
      const readers = setInterval(() => { reads.push(readReport(url, `/report${nextRange()}`)) }, 1000)
      const pace = await post()
      clearInterval(readers)
      await Promise.all(reads)
      return pace
    }
    const readFirst = round % 2 === 0
    const [one, other] = readFirst ? [await withReader(), await post()] : [await post(), await withReader()]
    ratios.push(readFirst ? one / other : other / one)
  }
  return ratios
}

/** Makes and removes the databases. */
function makeDatabases (directory: string, postgres: Postgres | undefined) {
  let files = 0
  return {
    async create (kind: Kind): Promise<string> {
      if (kind === 'sqlite') return `sqlite:${join(directory, `${++files}.db`)}`
      const { user, password, host, port, database } = await postgres!.createDatabase()
      return `postgres://${user}:${password}@${host}:${port}/${database}`
    },
    async remove (url: string): Promise<void> {
      if (url.startsWith('sqlite:')) {
        for (const end of ['', '-wal', '-shm']) await rm(url.slice('sqlite:'.length) + end, { force: true })
        return
      }
      const client = new pg.Client({ connectionString: url.replace(/[^/]*$/, 'postgres') })
      await client.connect()
      await client.query(`DROP DATABASE ${url.split('/').at(-1)!} WITH (FORCE)`)
      await client.end()
    }
  }
}

async function measureAll (databases: ReturnType<typeof makeDatabases>): Promise<Measured[]> {
  const all: Measured[] = []
  for (const installations of INSTALLATIONS) {
    for (const pings of PINGS) {
      const urls = await Promise.all(KINDS.map((kind) => databases.create(kind)))
      // Both concurrently, as each uses one core. Timed parts run alone.
      const stored = await Promise.all(urls.map((url) => fill(url, installations, pings)))
      execFileSync('sync')
      for (const [index, kind] of KINDS.entries()) {
        const row = { kind, installations, pings, ...stored[index]!, ...await measure(urls[index]!, installations) }
        all.push(row)
        console.log(`${kind}, ${installations.toLocaleString('en')} installations, ${pings} pings of each: loaded in ` +
          `${(row.loading / 1000).toFixed(0)} s, first report ${row.first.toFixed(0)} ms`)
        await databases.remove(urls[index]!)
      }
    }
  }
  return all
}

const directory = await mkdtemp(join(tmpdir(), 'flowforge-bench-'))
const postgres = KINDS.includes('postgres')
  ? await startOwnPostgres(['fsync=on', 'wal_level=minimal', 'max_wal_senders=0', 'max_wal_size=8GB', 'maintenance_work_mem=1GB',
    // Otherwise it would read the gigabytes that were just loaded.
    'autovacuum=off'].flatMap((setting) => ['-c', setting]))
  : undefined
try {
  const measured = await measureAll(makeDatabases(directory, postgres))
  publish('report', {
    title: 'The usage report',
    method: 'Each installation sent so many pings on the days before, with a key where there are at most ten. One day is counted, and its ' +
      'figures are copied to a year. Then `GET /report.json` is asked for twice, and 31 times for days that are not in memory; and ' +
      `${CONNECTIONS} connections post pings for ${SECONDS} seconds with a reader of the page each second, and without, in turn, ${ROUNDS} rounds.`,
    tables: tablesOf(measured),
    findings: findingsOf(measured),
    measured
  })
} finally {
  await postgres?.stop()
  await rm(directory, { recursive: true, force: true })
}
