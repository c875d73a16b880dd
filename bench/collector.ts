/**
 * `npm run bench:collector`: pings answered a second at 64 connections, on one PostgreSQL with fsync on, of the
 * collector beside a bare route that stores nothing and an intake that opens a connection for each ping.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { startPostgres } from '../test/helpers/postgres.js'
import { postPings, type Load } from './load.js'

const CONNECTIONS = 64
const SECONDS = Number(process.env.BENCH_SECONDS ?? 8)

async function measure (name: string, databaseUrl: string): Promise<Load> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'bench/collector-candidates.ts', name, databaseUrl], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const [url] = await once(createInterface(child.stdout), 'line') as [string]
  await postPings(url, CONNECTIONS, 2)
  const load = await postPings(url, CONNECTIONS, SECONDS)
  child.kill('SIGTERM')
  await once(child, 'exit')
  return load
}

const postgres = await startPostgres(['-c', 'fsync=on', '-c', 'synchronous_commit=on'])
try {
  const { user, password, host, port, database } = await postgres.createDatabase()
  const databaseUrl = `postgres://${user}:${password}@${host}:${port}/${database}`
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query('CREATE TABLE one_by_one (ping jsonb)')
  await client.end()

  const figures: Record<string, Load> = {}
  for (const name of ['bareRoute', 'collector', 'connectionPerPing']) figures[name] = await measure(name, databaseUrl)
  console.table(Object.fromEntries(Object.entries(figures).map(([name, { perSecond, p50, p99, failed }]) => [name, {
    'pings/s': Math.round(perSecond),
    'p50 ms': p50.toFixed(1),
    'p99 ms': p99.toFixed(1),
    failed,
    'collector / this': (figures.collector!.perSecond / perSecond).toFixed(2)
  }])))
} finally {
  await postgres.stop()
}
