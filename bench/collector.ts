/**
 * `npm run bench:collector`: pings answered a second at 64 connections, on one PostgreSQL with fsync on, of the
 * collector beside a bare route that stores nothing and an intake that opens a connection for each ping; each ping from
 * another of BENCH_INSTALLATIONS installations (1000000). The three alternate in short rounds, so that other load on the
 * machine affects all of them. Then invalid pings are added, and the database is down for BENCH_OUTAGE seconds (60).
 * It takes about four minutes.
 */
import type { ChildProcess } from 'node:child_process'
import pg from 'pg'
import { openCollectorDatabase } from '../src/collector/storage/open.js'
import { startOwnPostgres } from '../test/helpers/postgres.js'
import { startCandidate, stopCandidate } from './candidates.js'
import { fillInstallations, inTurn, TODAY } from './fill-collector.js'
import { postPings, type Load } from './load.js'
import { readProcessorTime } from './processor-time.js'
import { median, publish, ratio, spread, type Table } from './publish.js'
import { measureInvalid, measureOutage } from './recovery.js'

const CONNECTIONS = 64
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 12)
const SECONDS = 2
const OUTAGE = Number(process.env.BENCH_OUTAGE ?? 60)
const INSTALLATIONS = Number(process.env.BENCH_INSTALLATIONS ?? 1_000_000)

const NAMES = ['bareRoute', 'collector', 'connectionPerPing'] as const
type Name = typeof NAMES[number]
type Round = Load & { costs: number[] | undefined }

const TITLES: Record<Name, string> = {
  bareRoute: 'a bare route that parses, validates and stores nothing',
  collector: 'the collector',
  connectionPerPing: 'an intake that opens a connection for each ping'
}

/** Fills a database with the installations. @returns its address, and a function that returns the ids in turn */
async function createDatabase (): Promise<{ databaseUrl: string, idOf: () => string }> {
  const { user, password, host, port, database } = await postgres.createDatabase()
  const databaseUrl = `postgres://${user}:${password}@${host}:${port}/${database}`
  const db = await openCollectorDatabase(databaseUrl, TODAY, 'maintenance')
  await fillInstallations(db, INSTALLATIONS)
  await db.close()
  const ids = inTurn(INSTALLATIONS)
  let sent = 0
  return { databaseUrl, idOf: () => ids(sent++) }
}

/** @throws unless each acknowledged ping was stored at its installation */
async function assertNoted (databaseUrl: string, acknowledged: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const { rows: [row] } = await client.query<{ pings: string, noted: string }>(`SELECT
    (SELECT COUNT(*) FROM pings) AS pings, (SELECT COUNT(*) FROM installations WHERE last_day >= ${TODAY}) AS noted`)
  await client.end()
  const { pings, noted } = row!
  const expected = Math.min(Number(pings), INSTALLATIONS)
  if (Number(pings) < acknowledged || Number(noted) !== expected) {
    throw new Error(`${acknowledged} pings were acknowledged, ${pings} are stored and ${noted} installations noted`)
  }
}

const PARTS = ['server', 'postgres', 'load'] as const

/** Measures an intake: its load, and the processor time of each part for one ping, in microseconds. */
async function measure (server: number, post: () => Promise<Load>): Promise<Round> {
  const before = readProcessorTime(server)
  const load = await post()
  const after = readProcessorTime(server)
  const pings = load.perSecond * SECONDS
  return { ...load, costs: before && after && PARTS.map((part) => (after[part] - before[part]) / pings) }
}

function tableOfCosts (rounds: Array<Record<Name, Round>>): Table {
  return {
    title: 'Processor time of a ping',
    columns: ['intake', 'intake, µs', 'PostgreSQL, µs', 'load, µs', 'together, µs'],
    rows: NAMES.map((name) => {
      const costs = PARTS.map((_part, index) => median(rounds.map((round) => round[name].costs?.[index] ?? NaN)))
      return [TITLES[name], ...[...costs, costs.reduce((sum, cost) => sum + cost)].map((cost) => cost.toFixed(0))]
    })
  }
}

function summarise (rounds: Array<Record<Name, Round>>, more: Table[]): void {
  const of = (name: Name, figure: keyof Load) => rounds.map((round) => round[name][figure])
  const ours = of('collector', 'perSecond')
  publish('collector', {
    title: 'The collector',
    method: `${CONNECTIONS} connections post pings for ${SECONDS} seconds to each, in turn, ${ROUNDS} rounds, after one second to warm up. The collector ` +
      `knows ${INSTALLATIONS.toLocaleString('en')} installations since the day before, and each ping is of another. ` +
      'One PostgreSQL with fsync on and 1 GB of shared buffers serves all; it, the load and the collector share the machine. Ratios are taken round by round.',
    tables: [{
      title: 'Pings answered',
      columns: ['intake', 'pings/s, median (range)', 'the collector beside it', 'p50 ms', 'p99 ms', 'failed'],
      rows: NAMES.map((name) => [
        TITLES[name], spread(of(name, 'perSecond'), 0), ratio(ours, of(name, 'perSecond')),
        median(of(name, 'p50')).toFixed(1), median(of(name, 'p99')).toFixed(1), String(of(name, 'failed').reduce((sum, failed) => sum + failed))
      ])
    }, tableOfCosts(rounds), ...more],
    findings: [
      `Answered after its commit, the collector takes ${ratio(ours, of('bareRoute', 'perSecond'))} of what a route takes that stores ` +
        `nothing, and ${ratio(ours, of('connectionPerPing', 'perSecond'))} times what an intake takes that connects for each ping; ` +
        'the aims are at least 0.5 and 30.',
      `Its p99 is ${median(of('collector', 'p99')).toFixed(0)} ms; the aim is under 25 ms.`,
      'The aims for the valid pings are a p99 of at most 1.5 times, and after an outage none missing, and the pace back within as long.',
      'The intake, PostgreSQL and the load share the cores: what a ping costs them together decides how many are answered.'
    ],
    rate: median(ours)
  })
}

// docs/collector.md says why `shared_buffers` has to hold the table of installations; its default is 128 MB.
const SETTINGS = ['fsync=on', 'synchronous_commit=on', 'max_wal_size=4GB', 'shared_buffers=1GB']
const postgres = await startOwnPostgres(SETTINGS.flatMap((setting) => ['-c', setting]))
const children: ChildProcess[] = []
const start = async (name: string, url: string) => {
  const started = await startCandidate(name, url)
  children.push(started.child)
  return started
}
try {
  const { databaseUrl, idOf } = await createDatabase()
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query('CREATE TABLE one_by_one (ping jsonb)')
  await client.end()

  let acknowledged = 0
  const post = async (name: Name, seconds: number) => await postPings(urls[name], CONNECTIONS, seconds, name === 'collector'
    ? { idOf, onStored: () => { acknowledged++ } }
    : {})
  const urls = {} as Record<Name, string>
  const servers = {} as Record<Name, number>
  for (const name of NAMES) {
    const { url, child } = await start(name, databaseUrl)
    urls[name] = url
    servers[name] = child.pid!
    await post(name, 1)
  }
  const rounds: Array<Record<Name, Round>> = []
  for (let round = 1; round <= ROUNDS; round++) {
    const loads = {} as Record<Name, Round>
    for (const name of NAMES) loads[name] = await measure(servers[name], () => post(name, SECONDS))
    rounds.push(loads)
    console.log(`round ${round}: ${NAMES.map((name) => `${name} ${Math.round(loads[name].perSecond)}/s`).join(', ')}`)
  }
  await assertNoted(databaseUrl, acknowledged)
  const more = [await measureInvalid(urls.collector, idOf, Math.ceil(ROUNDS / 3), SECONDS)]
  const other = await createDatabase()
  more.push(await measureOutage(other.databaseUrl, async (url) => (await start('collector', url)).url, other.idOf, OUTAGE))
  summarise(rounds, more)
} finally {
  await Promise.all(children.map(stopCandidate))
  await postgres.stop()
}
