import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { after, before, describe, test, type TestContext } from 'node:test'
import { freePort, startOwnPostgres, type Postgres } from '../helpers/postgres.js'
import { connect } from '../../src/collector/storage/connect.js'
import { runCollector } from '../collector/run-collector.js'
import { PING, post, postgresUrl, sqliteUrl } from '../collector/start-collector.js'

const CONNECTIONS = 24

let postgres: Postgres
before(async () => { postgres = await startOwnPostgres(['-c', 'fsync=on']) })
after(() => postgres.stop())

/** Posts until the collector is gone; calls `onAnswer` with the key of each acknowledged ping. */
async function keepPosting (url: string, onAnswer: (key: string) => void): Promise<void> {
  for (;;) {
    const key = randomUUID()
    const answer = await post(url, PING, { 'idempotency-key': key }).catch(() => undefined)
    if (answer?.status !== 200) return
    onAnswer(key)
  }
}

const crews: [name: string, size: number, databaseUrl: (t: TestContext) => Promise<string>][] = [
  ['a collector on SQLite has', 1, sqliteUrl],
  ['a collector on PostgreSQL has', 1, () => postgresUrl(postgres)],
  ['two collectors on one PostgreSQL have', 2, () => postgresUrl(postgres)]
]

describe('killed with SIGKILL under load, five times', { concurrency: true }, () => {
  for (const [name, size, createDatabase] of crews) {
    test(`${name} every acknowledged ping exactly once`, async (t) => {
      const databaseUrl = await createDatabase(t)
      const acknowledged: string[] = []
      for (let run = 0; run < 5; run++) await killUnderLoad(t, databaseUrl, size, acknowledged, 100 + 37 * run)
      const db = await connect(databaseUrl)
      t.after(() => db.close())
      const rows = await db.query('SELECT idempotency_key AS key, COUNT(*) AS times FROM pings GROUP BY idempotency_key')
      const times = new Map((rows as Array<{ key: string, times: number }>).map((row) => [row.key, Number(row.times)]))
      assert.ok(acknowledged.length >= 870)
      assert.deepEqual(acknowledged.filter((key) => times.get(key) !== 1), [])
    })
  }
})

/** Starts the given number of collectors, posts to all, and kills them after the given number of acknowledged pings. */
async function killUnderLoad (t: TestContext, databaseUrl: string, size: number, acknowledged: string[], more: number): Promise<void> {
  const enough = acknowledged.length + more
  const crew = await Promise.all(Array.from({ length: size }, () => startMember(t, databaseUrl)))
  const gone = crew.map(({ child }) => once(child, 'exit'))
  const onAnswer = (key: string) => {
    acknowledged.push(key)
    if (acknowledged.length === enough) for (const { child } of crew) child.kill('SIGKILL')
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => keepPosting(crew[index % size]!.url, onAnswer)))
  await Promise.all(gone)
}

async function startMember (t: TestContext, databaseUrl: string) {
  const port = await freePort()
  const { child, listening } = runCollector(t, {
    COLLECTOR_DATABASE_URL: databaseUrl, COLLECTOR_PORT: String(port), COLLECTOR_RATE_LIMIT: '1000000'
  })
  await listening
  return { child, url: `http://127.0.0.1:${port}` }
}
