import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { DAY } from '../../../src/collector/day.js'
import { rowOf } from '../../../src/collector/storage/columns.js'
import type { Database } from '../../../src/collector/storage/database.js'
import { createPartition } from '../../../src/collector/storage/partitions.js'
import { storePings } from '../../../src/collector/storage/pings.js'
import { startPostgres, type Postgres } from '../../helpers/postgres.js'
import { until } from '../../helpers/within.js'
import { describeOnBoth } from '../both-databases.js'
import { instanceId, openTestDatabase, PING, postgresUrl, startCollector } from '../start-collector.js'

const TODAY = 20_780

const arrival = (number: number, moment: number, key: string | null = null, nodejs = 'v20.0.0') => ({
  row: rowOf({ ...PING, instanceId: instanceId(number), env: { nodejs } }, moment, 'a'.repeat(64), key), networkHash: 'b'.repeat(64)
})

interface Known { days: string, first_day: number, last_day: number, env_nodejs: string }

async function readInstallation (db: Database, number: number) {
  const [row] = await db.query<Known>('SELECT * FROM installations WHERE instance_id = $1', [instanceId(number)])
  return { days: Number(row!.days), first: row!.first_day - TODAY, last: row!.last_day - TODAY, nodejs: row!.env_nodejs }
}

describeOnBoth('storing pings', (create) => {
  test('a known key is answered with the first stored row, and the rest of the batch is stored', async (t) => {
    const db = await openTestDatabase(t, await create(t), TODAY)
    const [first, again, other, keyless] = [
      arrival(1, TODAY * DAY, 'key'), arrival(1, TODAY * DAY + 5, 'key'), arrival(2, TODAY * DAY + 6, 'key'), arrival(3, TODAY * DAY + 7)]
    assert.deepEqual(await storePings(db, [first!]), [first!.row])
    const stored = await storePings(db, [again!, other!, keyless!])
    assert.deepEqual(stored.map(([receivedAt]) => Number(receivedAt) - TODAY * DAY), [0, 6, 7])
    assert.equal((await db.query('SELECT 1 FROM pings')).length, 3)
  })

  test('a retry after midnight is not stored again, and does not count as heard on the next day', async (t) => {
    const db = await openTestDatabase(t, await create(t), TODAY)
    await storePings(db, [arrival(1, TODAY * DAY - 1, 'key')])
    const [stored] = await storePings(db, [arrival(1, TODAY * DAY + 60_000, 'key')])
    assert.equal(Number(stored![0]), TODAY * DAY - 1)
    assert.deepEqual(await readInstallation(db, 1), { days: 1, first: -1, last: -1, nodejs: 'v20.0.0' })
  })

  test('an installation keeps its first and last day, each day heard, and the properties of its newest ping', async (t) => {
    const db = await openTestDatabase(t, await create(t), TODAY)
    const hear = (day: number, nodejs: string) => storePings(db, [arrival(1, (TODAY + day) * DAY, null, nodejs)])
    await hear(0, 'v1')
    await hear(2, 'v2')
    await hear(2, 'v3')
    // Late, from a slow collector or one whose clock is behind.
    await hear(-1, 'v0')
    assert.deepEqual(await readInstallation(db, 1), { days: 0b1101, first: -1, last: 2, nodejs: 'v3' })
  })

  test('a ping dated months ago changes no installation, and one known from the future starts anew', async (t) => {
    const db = await openTestDatabase(t, await create(t), TODAY)
    const hear = (number: number, day: number, nodejs: string) => storePings(db, [arrival(number, day * DAY, null, nodejs)])
    await db.transaction((statements) => createPartition(statements, 1))
    await db.transaction((statements) => createPartition(statements, TODAY + 365))
    await hear(1, TODAY, 'v1')
    await hear(1, TODAY + 1, 'v2')
    await hear(1, 1, 'v0')
    assert.deepEqual(await readInstallation(db, 1), { days: 0b11, first: 0, last: 1, nodejs: 'v2' })
    await hear(2, TODAY + 365, 'v1')
    await hear(2, TODAY, 'v2')
    assert.deepEqual(await readInstallation(db, 2), { days: 1, first: 0, last: 0, nodejs: 'v2' })
  })

  test('two collectors that store pings of the same installations concurrently lose none', async (t) => {
    const url = await create(t)
    const dbs = [await openTestDatabase(t, url, TODAY), await openTestDatabase(t, url, TODAY)]
    const batches = Array.from({ length: 20 }, (_, batch) => storePings(dbs[batch % 2]!, Array.from({ length: 30 }, (_, number) =>
      arrival(number, (TODAY + (batch >> 1) % 4) * DAY + batch, `key ${batch >> 1}`))))
    await Promise.all(batches)
    assert.equal((await dbs[0]!.query('SELECT 1 FROM pings')).length, 300)
    for (let number = 0; number < 30; number++) {
      assert.deepEqual({ ...await readInstallation(dbs[0]!, number) }, { days: 0b1111, first: 0, last: 3, nodejs: 'v20.0.0' })
    }
  })
})

let postgres: Postgres
before(async () => { postgres = await startPostgres() })
after(() => postgres.stop())

test('a retry after midnight at another collector, while the first is being stored, is not stored again', async (t) => {
  const url = await postgresUrl(postgres)
  const db = await openTestDatabase(t, url, TODAY)
  await storePings(db, [arrival(1, (TODAY - 1) * DAY)])
  const other = new pg.Client(url)
  await other.connect()
  t.after(() => other.end())
  // The other collector has stored the key before midnight, but has not committed yet.
  await other.query('BEGIN')
  await other.query(`INSERT INTO pings (received_at, address_hash, instance_id, idempotency_key)
    VALUES (${TODAY * DAY - 1}, 'a', '${instanceId(1)}', 'key')`)
  await other.query(`UPDATE installations SET days = days WHERE instance_id = '${instanceId(1)}'`)
  const retry = storePings(db, [arrival(1, TODAY * DAY + 1, 'key')])
  const waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
  await until('the retry waits for the other', async () => (await other.query(waiting)).rows.length > 0)
  await other.query('COMMIT')
  const [stored] = await retry
  assert.equal(Number(stored![0]), TODAY * DAY - 1)
  assert.equal((await readInstallation(db, 1)).last, -1)
})

test('a day without a partition is a 503, is logged, and /health reports it', async (t) => {
  let log = ''
  const now = TODAY * DAY
  const databaseUrl = await postgresUrl(postgres)
  const { app, url, post } = await startCollector(t, databaseUrl, { logLevel: 'error' }, {
    now: () => now, logTo: { write: (line) => { log += line } }
  })
  await app.maintain()
  const admin = await openTestDatabase(t, databaseUrl, TODAY)
  await admin.query('DROP TABLE pings_2026_11_23')
  for (let i = 0; i < 3; i++) assert.equal((await post(PING)).status, 503)
  assert.equal((await fetch(`${url}/health`)).status, 503)
  assert.equal(log.match(/"code":"23514"/g)?.length, 1, 'logged once a minute')
})

test('a ping with characters that the database cannot store fails alone, with a 400', async (t) => {
  const url = await postgresUrl(postgres)
  const admin = await openTestDatabase(t, url)
  await admin.query("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
  const { post, rows } = await startCollector(t, url.replace(/[^/]*$/, 'latin'))
  const named = (type: string, number: number) => post({ ...PING, instanceId: instanceId(number), os: { ...PING.os, type } })
  const answers = await Promise.all(['Linux', 'リナックス', 'Darwin'].map(named))
  assert.deepEqual(answers.map(({ status }) => status), [200, 400, 200])
  assert.deepEqual(answers[1]!.body, { status: 'error', error: 'the ping has a value that cannot be stored' })
  assert.equal((await rows()).length, 2)
})
