/**
 * `npm run bench:report`: the time of a report as a function of installations and of pings, on PostgreSQL and on SQLite,
 * with a year of daily figures; what a day costs when it is over; and how many bytes a ping and an installation take.
 * BENCH_INSTALLATIONS (100000; 1000000 takes ten times as long and 30 GB) and BENCH_PINGS (1,10,100 for each) take lists
 * of numbers, BENCH_DATABASES sqlite, postgres or both. The tables are those of docs/collector.md.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildCollector } from '../src/collector/app.js'
import { DAY, dateOf, dayOf } from '../src/collector/day.js'
import type { Database } from '../src/collector/storage/database.js'
import { finishDay } from '../src/collector/storage/figures.js'
import { openCollectorDatabase } from '../src/collector/storage/open.js'
import { createPartition } from '../src/collector/storage/partitions.js'
import { startOwnPostgres } from '../test/helpers/postgres.js'
import { postPings } from './load.js'
import { median, publish, type Table } from './publish.js'

const numbers = (list: string) => list.split(',').map(Number)
const INSTALLATIONS = numbers(process.env.BENCH_INSTALLATIONS ?? '100000')
const PINGS = numbers(process.env.BENCH_PINGS ?? '1,10,100')
const DATABASES = (process.env.BENCH_DATABASES ?? 'sqlite,postgres').split(',')
const TOKEN = 'the-token-of-the-benchmark'
const TODAY = dayOf(Date.now())

const PROPERTIES = 'os_type, os_release, os_arch, env_nodejs, env_flowforge, platform_counts_users, platform_counts_teams, ' +
  'platform_counts_projects, platform_config_driver'
const VALUES = "'Linux', '6.1.0-18-amd64', 'x64', 'v' || (16 + n % 9) || '.' || (n % 7) || '.1', '2.' || (n % 12) || '.0', n % 90, n % 9, n % 70, 'docker'"

/** SQL of an id for the number `n`, and of a series of numbers, in the words of each database. */
const idOf = (db: Database) => db.kind === 'postgres'
  ? "(lpad(to_hex(n), 8, '0') || '-0000-4000-8000-000000000000')::uuid"
  : "printf('%08x', n) || '-0000-4000-8000-000000000000'"
const series = (db: Database, count: number) => db.kind === 'postgres'
  ? `generate_series(1, ${count}) AS numbers (n)`
  : `(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count}) SELECT n FROM numbers)`

/** Rows made by the database itself: each installation sent a ping on each of the last `pings` days, or twice a day and more. */
async function fill (db: Database, installations: number, pings: number): Promise<void> {
  const days = Math.min(pings, 62)
  for (let ping = 0; ping < pings; ping++) {
    const day = TODAY - 1 - ping % days
    await db.transaction((statements) => createPartition(statements, day))
    const at = `${day * DAY} + (CAST(n AS BIGINT) * 7919 + ${ping}) % ${DAY}`
    await db.change(`INSERT INTO pings (received_at, address_hash, instance_id, ${PROPERTIES})
      SELECT ${at}, '${'a'.repeat(64)}', ${idOf(db)}, ${VALUES} FROM ${series(db, installations)}`)
  }
  const known = Math.max(2, days)
  await db.change(`INSERT INTO installations (instance_id, days, first_day, last_day, counted, leads, ${PROPERTIES})
    SELECT ${idOf(db)}, ${(2n ** BigInt(known) - 1n).toString()}, ${TODAY - known}, ${TODAY - 1}, true, true, ${VALUES} FROM ${series(db, installations)}`)
  await db.query(db.kind === 'postgres' ? 'ANALYZE' : 'PRAGMA wal_checkpoint(TRUNCATE)')
}

/** A year of figures, each day's as many as a real one's. */
async function copyFigures (db: Database): Promise<void> {
  await db.change(`INSERT INTO daily SELECT ${TODAY - 1} - n, figure, bucket, value FROM daily, ${series(db, 364)} WHERE day = ${TODAY - 1}`)
}

async function time (run: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await run()
  return performance.now() - start
}

async function readReport (url: string, query = ''): Promise<void> {
  const response = await fetch(`${url}/report.json${query}`, { headers: { authorization: `Bearer ${TOKEN}` } })
  await response.text()
  if (response.status !== 200) throw new Error(`the report answered ${response.status}`)
}

async function bytesOf (db: Database, databaseUrl: string): Promise<{ pings: string, installations: string, all: number }> {
  if (db.kind === 'sqlite') return { pings: '', installations: '', all: (await stat(databaseUrl.slice('sqlite:'.length))).size }
  const [row] = await db.query<{ pings: string, installations: string }>(`SELECT
    (SELECT SUM(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'pings'::regclass) AS pings,
    pg_total_relation_size('installations') AS installations`)
  return { ...row!, all: Number(row!.pings) + Number(row!.installations) }
}

/** Reports of ranges that nobody has asked for before: none of them is in memory. */
async function timeUncached (url: string): Promise<number> {
  const times = []
  for (let n = 1; n <= 15; n++) times.push(await time(() => readReport(url, `?from=${dateOf(TODAY - 360 + n)}`)))
  return median(times)
}

interface Measured {
  installations: number
  pings: number
  counting: number
  first: number
  second: number
  uncached: number
  /** The pace of the intake while a reader asks each second, beside that without. */
  intake: number
  bytes: Awaited<ReturnType<typeof bytesOf>>
}

async function measure (databaseUrl: string, installations: number, pings: number): Promise<Measured> {
  const db = await openCollectorDatabase(databaseUrl, TODAY, 'maintenance')
  await fill(db, installations, pings)
  const finish = await time(() => db.kind === 'sqlite'
    ? finishDay(db, TODAY - 1, 20)
    : db.transaction((statements) => finishDay(statements, TODAY - 1, 20)))
  await copyFigures(db)
  const bytes = await bytesOf(db, databaseUrl)
  await db.close()
  const app = await buildCollector({
    databaseUrl, reportToken: TOKEN, ipHashKey: 'a key of the benchmark, long enough', logLevel: 'warn', rateLimit: 1e9
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  await app.maintain()
  const [first, second] = [await time(() => readReport(url)), await time(() => readReport(url))]
  const uncached = await timeUncached(url)
  await postPings(url, 16, 2)
  const idle = await postPings(url, 16, 4)
  const reads: Array<Promise<void>> = []
  const readers = setInterval(() => { reads.push(readReport(url)) }, 1000)
  const busy = await postPings(url, 16, 4)
  clearInterval(readers)
  await Promise.all(reads)
  await app.close()
  const intake = busy.perSecond / idle.perSecond
  return { installations, pings, counting: finish, first, second, uncached, intake, bytes }
}

const count = (value: number) => value.toLocaleString('en')
const each = (size: number, of: number) => count(Math.round(size / of))

/** The rows of the tables of docs/collector.md and docs/benchmarks.md. */
function tablesOf (database: string, all: Measured[]): Table[] {
  const [few, many] = [all[0]!, all.at(-1)!]
  return [{
    title: `The report, on ${database}`,
    columns: ['installations', 'pings of each', 'counting a day, s', 'first report, ms', 'second, ms', 'not in memory, ms',
      'intake with a reader a second'],
    rows: all.map((row) => [
      count(row.installations), count(row.pings), (row.counting / 1000).toFixed(1), row.first.toFixed(0),
      row.second.toFixed(0), row.uncached.toFixed(1), row.intake.toFixed(2)
    ])
  }, {
    title: `Bytes, on ${database}`,
    columns: ['installations', 'pings of each', 'per ping', 'per installation', 'all, per installation'],
    rows: all.map(({ installations, pings, bytes }) => [
      count(installations), count(pings), bytes.pings ? each(Number(bytes.pings), installations * pings) : '–',
      bytes.installations ? each(Number(bytes.installations), installations) : '–', each(bytes.all, installations)
    ])
  }, {
    title: `${count(many.pings)} pings of each beside ${count(few.pings)}, on ${database}`,
    columns: ['report not in memory', 'bytes for each ping more'],
    rows: [[
      (many.uncached / few.uncached).toFixed(2),
      many.pings > few.pings && many.installations === few.installations
        ? each(many.bytes.all - few.bytes.all, many.installations * (many.pings - few.pings))
        : '–'
    ]]
  }]
}

async function measureAll (createUrl: () => Promise<string>): Promise<Measured[]> {
  const rows: Measured[] = []
  for (const installations of INSTALLATIONS) {
    for (const pings of PINGS) {
      const row = await measure(await createUrl(), installations, pings)
      console.log(`${count(installations)} installations, ${pings} pings of each: first report ${row.first.toFixed(0)} ms`)
      rows.push(row)
    }
  }
  return rows
}

const directory = await mkdtemp(join(tmpdir(), 'flowforge-bench-'))
const postgres = await startOwnPostgres(['-c', 'fsync=on', '-c', 'max_wal_size=8GB'])
try {
  let files = 0
  const create: Record<string, () => Promise<string>> = {
    sqlite: async () => `sqlite:${join(directory, `${++files}.db`)}`,
    async postgres () {
      const { user, password, host, port, database } = await postgres.createDatabase()
      return `postgres://${user}:${password}@${host}:${port}/${database}`
    }
  }
  const tables: Table[] = []
  for (const name of DATABASES) {
    tables.push(...tablesOf(name === 'sqlite' ? 'SQLite' : 'PostgreSQL', await measureAll(create[name]!)))
  }
  publish('report', {
    title: 'The usage report',
    method: 'Each installation sent so many pings on the days before. One day is counted, its figures are copied to a year, and `GET ' +
      '/report.json` is asked for twice, and 15 times for ranges that are not in memory; then 16 connections post pings for four seconds, and for four more with a reader each second.',
    tables,
    findings: ['The report reads the figures of finished days: its time depends neither on installations nor on pings.']
  })
} finally {
  await postgres.stop()
  await rm(directory, { recursive: true, force: true })
}
