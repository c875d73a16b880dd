import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { buildCollector } from '../src/collector/app.js'
import { dayOf } from '../src/collector/day.js'
import { openCollectorDatabase } from '../src/collector/storage/open.js'
import { storeYearOfPings } from './year-of-pings.js'

/**
 * `npm run demo -- --report`: fills a collector with a simulated year of pings, or its last days, and serves its report.
 * Resolves when the user ends it.
 */
export async function runReportDemo (installations: number, days: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'flowforge-report-'))
  try {
    const databaseUrl = `sqlite:${join(directory, 'collector.db')}`
    console.log(`Storing a year of pings from ${installations} installations ...`)
    const db = await openCollectorDatabase(databaseUrl, dayOf(Date.now()))
    const stored = await storeYearOfPings(db, installations, Date.now(), days)
    await db.close()
    await showReport(databaseUrl, stored)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function showReport (databaseUrl: string, stored: number): Promise<void> {
  const reportToken = randomBytes(12).toString('hex')
  const app = await buildCollector({
    databaseUrl, reportToken, ipHashKey: randomBytes(32).toString('hex'), logLevel: 'warn', retentionDays: 1000
  })
  try {
    const url = await app.listen({ host: '127.0.0.1', port: Number(process.env.COLLECTOR_PORT ?? 0) })
    console.log(`${stored.toLocaleString('en')} pings are stored. The report is open:\n`)
    console.log(`  ${url}/report        any name, and the password ${reportToken}`)
    console.log(`  curl -H 'authorization: Bearer ${reportToken}' ${url}/report.json\n`)
    console.log('Ctrl-C ends it.')
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  } finally {
    await app.close()
  }
}
