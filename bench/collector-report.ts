/**
 * `npm run bench:report`: how long the report takes on 1,000,000 stored pings in SQLite, at rest and while pings come
 * in as fast as 8 connections send them.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildCollector } from '../src/collector/app.js'
import { dayOf } from '../src/collector/day.js'
import { openCollectorDatabase } from '../src/collector/storage/open.js'
import { storeYearOfPings } from '../demo/year-of-pings.js'
import { postPings } from './load.js'
import { median, publish, spread } from './publish.js'

/** Their year is a little more than a million pings. */
const INSTALLATIONS = 9200
const TOKEN = 'the-token-of-the-benchmark'
const RUNS = 5

async function timeReport (url: string): Promise<number> {
  const start = performance.now()
  const response = await fetch(`${url}/report.json`, { headers: { authorization: `Bearer ${TOKEN}` } })
  await response.text()
  if (response.status !== 200) throw new Error(`the report answered ${response.status}`)
  return performance.now() - start
}

/** Milliseconds. The first report reads the file; those after it find it in memory. */
async function timeReports (url: string): Promise<number[]> {
  const times: number[] = []
  for (let run = 0; run < RUNS; run++) times.push(await timeReport(url))
  return times
}

const directory = await mkdtemp(join(tmpdir(), 'flowforge-bench-'))
const databaseUrl = `sqlite:${join(directory, 'collector.db')}`
try {
  const db = await openCollectorDatabase(databaseUrl, dayOf(Date.now()))
  const stored = await storeYearOfPings(db, INSTALLATIONS, Date.now())
  await db.close()
  const app = await buildCollector({
    databaseUrl, reportToken: TOKEN, ipHashKey: 'a key of the benchmark, long enough', logLevel: 'warn', rateLimit: 1e9
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const [first, ...rest] = await timeReports(url)
  const [load, busy] = await Promise.all([postPings(url, 8, 12), timeReports(url)])
  publish('report', {
    title: 'The usage report',
    method: `A collector on SQLite that holds ${stored.toLocaleString('en')} pings, a year of ${INSTALLATIONS.toLocaleString('en')} ` +
      `installations, answers \`GET /report.json\` ${RUNS} times at rest, and as often while 8 connections post pings as fast as ` +
      'they are answered.',
    tables: [{
      title: 'One report',
      columns: ['when', 'ms, median (range)'],
      rows: [
        ['the first', first!.toFixed(0)],
        ['those after it', spread(rest, 0)],
        [`with ${Math.round(load.perSecond).toLocaleString('en')} pings a second coming in`, spread(busy, 0)]
      ]
    }],
    findings: [
      `With intake going on a report takes ${(median(busy) / 1000).toFixed(1)} s, at most ${(Math.max(...busy) / 1000).toFixed(1)} s; the ` +
        `aim is under 2 s. The pings meanwhile are answered with a p99 of ${load.p99.toFixed(0)} ms.`
    ]
  })
  await app.close()
} finally {
  await rm(directory, { recursive: true, force: true })
}
