/**
 * `npm run bench:report`: how long the report takes on 1,000,000 stored pings in SQLite, at rest and while pings come
 * in as fast as 8 connections send them.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildCollector } from '../src/collector/app.js'
import { openCollectorDatabase } from '../src/collector/database.js'
import { storeYearOfPings } from '../demo/year-of-pings.js'
import { postPings } from './load.js'

const INSTALLATIONS = 9000
const TOKEN = 'the-token-of-the-benchmark'
const RUNS = 5

async function timeReport (url: string): Promise<number> {
  const start = performance.now()
  const response = await fetch(`${url}/report.json`, { headers: { authorization: `Bearer ${TOKEN}` } })
  await response.text()
  if (response.status !== 200) throw new Error(`the report answered ${response.status}`)
  return performance.now() - start
}

async function timeReports (url: string): Promise<string> {
  const times: number[] = []
  for (let run = 0; run < RUNS; run++) times.push(await timeReport(url))
  return times.map((time) => `${Math.round(time)} ms`).join(', ')
}

const directory = await mkdtemp(join(tmpdir(), 'flowforge-bench-'))
const databaseUrl = `sqlite:${join(directory, 'collector.db')}`
try {
  const db = await openCollectorDatabase(databaseUrl)
  const stored = await storeYearOfPings(db, INSTALLATIONS, Date.now())
  await db.close()
  const app = await buildCollector({
    databaseUrl, reportToken: TOKEN, ipHashKey: 'a key of the benchmark, long enough', logLevel: 'warn', rateLimit: 1e9
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  console.log(`${stored.toLocaleString('en')} pings of ${INSTALLATIONS} installations`)
  console.log(`at rest:       ${await timeReports(url)}`)
  const [load, busy] = await Promise.all([postPings(url, 8, 12), timeReports(url)])
  console.log(`under intake:  ${busy} (${Math.round(load.perSecond)} pings/s meanwhile, p99 ${load.p99.toFixed(0)} ms)`)
  await app.close()
} finally {
  await rm(directory, { recursive: true, force: true })
}
