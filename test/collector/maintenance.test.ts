import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { after, before, test } from 'node:test'
import { rowOf } from '../../src/collector/storage/columns.js'
import { openCollectorDatabase } from '../../src/collector/storage/database.js'
import { DAY } from '../../src/collector/storage/salts.js'
import { storeRows } from '../../src/collector/storage/pings.js'
import { deletePings } from '../../src/collector/maintenance.js'
import { startPostgres, type Postgres } from '../helpers/postgres.js'
import { PING, postgresUrl, sqliteUrl, startCollector } from './start-collector.js'

let postgres: Postgres
before(async () => { postgres = await startPostgres() })
after(() => postgres.stop())

for (const name of ['SQLite', 'PostgreSQL']) {
  test(`on ${name} pings older than the period are deleted, more than one step of them, and no other`, async (t) => {
    const db = await openCollectorDatabase(name === 'SQLite' ? await sqliteUrl(t) : await postgresUrl(postgres))
    t.after(() => db.close())
    const rows = (count: number, receivedAt: number) => Array.from({ length: count }, () => rowOf(PING, receivedAt, 'hash', null))
    await storeRows(db, rows(2345, 999))
    await storeRows(db, rows(10, 1000))
    assert.equal(await deletePings(db, 1000), 2345)
    const [left] = await db.query('SELECT received_at FROM pings')
    assert.deepEqual(left.map((row) => Number((row as { received_at: number }).received_at)), Array(10).fill(1000))
  })
}

test('a collector deletes at its start what the period no longer covers', async (t) => {
  const url = await sqliteUrl(t)
  let now = 20_000 * DAY
  const first = await startCollector(t, url, {}, { now: () => now })
  await first.post(PING)
  now += 5 * DAY
  await first.post(PING)
  await first.app.close()
  const lines = new EventEmitter()
  const deleted = once(lines, 'deleted')
  const logTo = { write: (line: string) => { if (/"deleted":1,.*older than 3 days/.test(line)) lines.emit('deleted') } }
  const second = await startCollector(t, url, { retentionDays: 3, logLevel: 'info' }, { now: () => now + 1, logTo })
  await deleted
  assert.equal((await second.rows()).length, 1)
})
