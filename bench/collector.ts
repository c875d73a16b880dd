/**
 * `npm run bench:collector`: pings answered a second at 64 connections, on one PostgreSQL with fsync on, of the
 * collector beside a bare route that stores nothing and an intake that opens a connection for each ping.
 * The three take turns in short rounds, so that a machine that is busy for a while is busy for all of them.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { startPostgres } from '../test/helpers/postgres.js'
import { postPings, type Load } from './load.js'

const CONNECTIONS = 64
const ROUNDS = 5
const SECONDS = 2

const NAMES = ['bareRoute', 'collector', 'connectionPerPing'] as const
type Name = typeof NAMES[number]

async function startCandidate (name: Name, databaseUrl: string): Promise<{ child: ChildProcess, url: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'bench/collector-candidates.ts', name, databaseUrl], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const [url] = await once(createInterface(child.stdout), 'line') as [string]
  return { child, url }
}

const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!

function summarise (rounds: Array<Record<Name, Load>>): void {
  console.table(Object.fromEntries(NAMES.map((name) => {
    const of = (figure: keyof Load) => rounds.map((round) => round[name][figure])
    const ratios = rounds.map((round) => round.collector.perSecond / round[name].perSecond)
    return [name, {
      'pings/s': Math.round(median(of('perSecond'))),
      'p50 ms': median(of('p50')).toFixed(1),
      'p99 ms': median(of('p99')).toFixed(1),
      failed: of('failed').reduce((sum, failed) => sum + failed),
      'collector / this': median(ratios).toFixed(2)
    }]
  })))
}

const postgres = await startPostgres(['-c', 'fsync=on', '-c', 'synchronous_commit=on'])
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
  console.log(`\nmedians of ${ROUNDS} rounds of ${SECONDS} s at ${CONNECTIONS} connections, PostgreSQL with fsync on:`)
  summarise(rounds)
} finally {
  for (const child of children) child.kill('SIGTERM')
  await Promise.all(children.map((child) => child.exitCode ?? once(child, 'exit')))
  await postgres.stop()
}
