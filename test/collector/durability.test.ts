import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { freePort, startPostgres, type Postgres } from '../helpers/postgres.js'
import { connect } from '../../src/collector/database.js'
import { runCollector } from './run-collector.js'
import { PING, post, postgresUrl, sqliteUrl } from './start-collector.js'

const CONNECTIONS = 24

let postgres: Postgres
before(async () => { postgres = await startPostgres(['-c', 'fsync=on']) })
after(() => postgres.stop())

/** Posts until the collector is gone; `onAnswer` is told the key of each ping that was answered as stored. */
async function keepPosting (url: string, onAnswer: (key: string) => void): Promise<void> {
  for (;;) {
    const key = randomUUID()
    const answer = await post(url, PING, { 'idempotency-key': key }).catch(() => undefined)
    if (answer?.status !== 200) return
    onAnswer(key)
  }
}

describe('a collector killed with SIGKILL under load, five times on each database', { concurrency: true }, () => {
  for (const name of ['SQLite', 'PostgreSQL']) {
    test(`has every ping that it acknowledged on ${name} exactly once`, async (t) => {
      const databaseUrl = name === 'SQLite' ? await sqliteUrl(t) : await postgresUrl(postgres)
      const acknowledged: string[] = []
      for (let run = 0; run < 5; run++) {
        const port = await freePort()
        const { child, listening } = runCollector(t, { COLLECTOR_DATABASE_URL: databaseUrl, COLLECTOR_PORT: String(port), COLLECTOR_RATE_LIMIT: '1000000' })
        await listening
        const enough = acknowledged.length + 100 + 37 * run
        const exit = once(child, 'exit')
        await Promise.all(Array.from({ length: CONNECTIONS }, () => keepPosting(`http://127.0.0.1:${port}`, (key) => {
          acknowledged.push(key)
          if (acknowledged.length === enough) child.kill('SIGKILL')
        })))
        await exit
      }
      const db = await connect(databaseUrl)
      t.after(() => db.close())
      const [rows] = await db.query('SELECT idempotency_key AS key, COUNT(*) AS times FROM pings GROUP BY idempotency_key')
      const times = new Map((rows as Array<{ key: string, times: number }>).map((row) => [row.key, Number(row.times)]))
      assert.ok(acknowledged.length >= 870)
      assert.deepEqual(acknowledged.filter((key) => times.get(key) !== 1), [])
    })
  }
})
