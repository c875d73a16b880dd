/**
 * `npm run bench:collector`: pings answered a second at 64 connections, on one PostgreSQL with fsync on, of the
 * collector beside a bare route that stores nothing and an intake that opens a connection for each ping.
 * The three take turns in short rounds, so that a machine that is busy for a while is busy for all of them. Then invalid
 * pings join the load, and the database is gone for BENCH_OUTAGE seconds (60).
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { startOwnPostgres } from '../test/helpers/postgres.js'
import { postPings, type Load } from './load.js'
import { median, publish, ratio, spread, type Table } from './publish.js'
import { measureInvalid, measureOutage } from './recovery.js'

const CONNECTIONS = 64
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 12)
const SECONDS = 2
const OUTAGE = Number(process.env.BENCH_OUTAGE ?? 60)

const NAMES = ['bareRoute', 'collector', 'connectionPerPing'] as const
type Name = typeof NAMES[number]

const TITLES: Record<Name, string> = {
  bareRoute: 'a bare route that parses, validates and stores nothing',
  collector: 'the collector',
  connectionPerPing: 'an intake that opens a connection for each ping'
}

async function startCandidate (name: Name, databaseUrl: string): Promise<{ child: ChildProcess, url: string }> {
  const child = spawn(process.execPath, ['bench/collector-candidates.js', name, databaseUrl], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const [url] = await once(createInterface(child.stdout), 'line') as [string]
  return { child, url }
}

function summarise (rounds: Array<Record<Name, Load>>, more: Table[]): void {
  const of = (name: Name, figure: keyof Load) => rounds.map((round) => round[name][figure])
  const ours = of('collector', 'perSecond')
  publish('collector', {
    title: 'The collector',
    method: `${CONNECTIONS} connections post pings for ${SECONDS} seconds to each, in turn, ${ROUNDS} rounds, after one second to warm up. ` +
      'One PostgreSQL with fsync on serves all; it, the load and the collector share the machine. Ratios are taken round by round.',
    tables: [{
      title: 'Pings answered',
      columns: ['intake', 'pings/s, median (range)', 'the collector beside it', 'p50 ms', 'p99 ms', 'failed'],
      rows: NAMES.map((name) => [
        TITLES[name], spread(of(name, 'perSecond'), 0), ratio(ours, of(name, 'perSecond')),
        median(of(name, 'p50')).toFixed(1), median(of(name, 'p99')).toFixed(1), String(of(name, 'failed').reduce((sum, failed) => sum + failed))
      ])
    }, ...more],
    findings: [
      `Answered after its commit, the collector takes ${ratio(ours, of('bareRoute', 'perSecond'))} of what a route takes that stores ` +
        `nothing, and ${ratio(ours, of('connectionPerPing', 'perSecond'))} times what an intake takes that connects for each ping; ` +
        'the aims are at least 0.5 and 30.',
      `Its p99 is ${median(of('collector', 'p99')).toFixed(0)} ms; the aim is under 25 ms.`,
      'The aims for the valid pings are a p99 of at most 1.5 times, and after an outage none missing, and stored again within as long.',
      'The collector, PostgreSQL and the load share two cores: storing a ping costs PostgreSQL about as much as receiving it costs Node.js.'
    ],
    rate: median(ours)
  })
}

const postgres = await startOwnPostgres(['-c', 'fsync=on', '-c', 'synchronous_commit=on'])
const children: ChildProcess[] = []
try {
  const { user, password, host, port, database } = await postgres.createDatabase()
  const databaseUrl = `postgres://${user}:${password}@${host}:${port}/${database}`
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query('CREATE TABLE one_by_one (ping jsonb)')
  await client.end()

  const urls = {} as Record<Name, string>
  for (const name of NAMES) {
    const { child, url } = await startCandidate(name, databaseUrl)
    children.push(child)
    urls[name] = url
    await postPings(url, CONNECTIONS, 1)
  }
  const rounds: Array<Record<Name, Load>> = []
  for (let round = 1; round <= ROUNDS; round++) {
    const loads = {} as Record<Name, Load>
    for (const name of NAMES) loads[name] = await postPings(urls[name], CONNECTIONS, SECONDS)
    rounds.push(loads)
    console.log(`round ${round}: ${NAMES.map((name) => `${name} ${Math.round(loads[name].perSecond)}/s`).join(', ')}`)
  }
  const start = async (url: string) => {
    const started = await startCandidate('collector', url)
    children.push(started.child)
    return started.url
  }
  const more = [await measureInvalid(urls.collector, Math.ceil(ROUNDS / 3), SECONDS)]
  const { database: other } = await postgres.createDatabase()
  more.push(await measureOutage(databaseUrl.replace(database, other), start, OUTAGE))
  summarise(rounds, more)
} finally {
  for (const child of children) child.kill('SIGTERM')
  await Promise.all(children.map(async (child) => child.exitCode ?? once(child, 'exit')))
  await postgres.stop()
}
