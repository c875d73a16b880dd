import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import { DAY, dayOf } from '../../../src/collector/day.js'
import { keepSalts } from '../../../src/collector/storage/salts.js'
import { startOwnPostgres, type Postgres } from '../../helpers/postgres.js'
import { bytesIn, dataDirectory, openTestDatabase, PING, postgresUrl, sqliteUrl, startCollector } from '../start-collector.js'

let postgres: Postgres
before(async () => { postgres = await startOwnPostgres() })
after(() => postgres.stop())

const NOON = 20_000.5 * DAY

const open = (t: TestContext, url: string) => openTestDatabase(t, url, dayOf(NOON))

test('the hash of an address is the same all day and another the next day', async (t) => {
  let now = NOON
  const { post } = await startCollector(t, await sqliteUrl(t), {}, { now: () => now })
  const hashes: string[] = []
  for (const moment of [NOON, 20_001 * DAY - 1, 20_001 * DAY]) {
    now = moment
    hashes.push((await post(PING)).body.received.addressHash)
  }
  assert.equal(hashes[1], hashes[0])
  assert.notEqual(hashes[2], hashes[0])
})

describe('salts on PostgreSQL', () => {
  test('ten collectors that need a new salt at midnight agree on one', async (t) => {
    const url = await postgresUrl(postgres)
    const dbs = []
    for (let i = 0; i < 10; i++) dbs.push(await open(t, url))
    const salts = await Promise.all(dbs.map(async (db) => keepSalts(db).of(20_000)))
    assert.equal(new Set(salts).size, 1)
    assert.match(salts[0]!, /^[0-9a-f]{64}$/)
  })

  test('a salt is kept until 24 hours after its day, and then is in no file of the server', async (t) => {
    const url = await postgresUrl(postgres)
    const db = await open(t, url)
    const directory = await dataDirectory(url)
    const salt = await keepSalts(db).of(dayOf(NOON))
    // An unlogged table may be only in memory; rewriting it, as here, puts it into a file.
    await keepSalts(db).destroy(20_002 * DAY - 1)
    assert.equal(await keepSalts(db).of(dayOf(NOON)), salt)
    assert.ok((await bytesIn(directory)).includes(salt))
    await keepSalts(db).destroy(20_002 * DAY)
    await db.query('CHECKPOINT')
    assert.ok(!(await bytesIn(directory)).includes(salt))
  })
})

describe('salts on SQLite', () => {
  test('a running collector forgets the salt, too', async (t) => {
    const salts = keepSalts(await open(t, await sqliteUrl(t)))
    const salt = await salts.of(dayOf(NOON))
    await salts.destroy(20_002 * DAY)
    assert.notEqual(await salts.of(dayOf(NOON)), salt)
  })

  test('a salt deleted before it is read is a 503 without details, and the next ping gets a new salt', async (t) => {
    const url = await sqliteUrl(t)
    const { post } = await startCollector(t, url)
    const db = await open(t, url)
    await db.query('CREATE TRIGGER thief AFTER INSERT ON salts BEGIN DELETE FROM salts; END')
    const { status, body } = await post(PING)
    assert.deepEqual([status, body], [503, { status: 'error', error: 'the collector cannot store pings at the moment; try again later' }])
    await db.query('DROP TRIGGER thief')
    assert.equal((await post(PING)).status, 200)
  })

  test('a salt is kept until 24 hours after its day, and then is in no byte of the files', async (t) => {
    const url = await sqliteUrl(t)
    const directory = dirname(url.slice('sqlite:'.length))
    const db = await open(t, url)
    const salt = await keepSalts(db).of(dayOf(NOON))
    assert.ok((await bytesIn(directory)).includes(salt))
    await keepSalts(db).destroy(20_002 * DAY - 1)
    assert.equal(await keepSalts(db).of(dayOf(NOON)), salt)
    // Each change appends a page with all salts to the write-ahead log; the deletion overwrites only the first of them.
    for (const day of [1, 2, 3]) await keepSalts(db).of(dayOf(NOON) + day)
    await keepSalts(db).destroy(20_002 * DAY)
    assert.ok(!(await bytesIn(directory)).includes(salt))
  })

  test('an expired salt is destroyed at the next start', async (t) => {
    const url = await sqliteUrl(t)
    const early = await startCollector(t, url, {}, { now: () => NOON })
    await early.post(PING)
    await early.app.close()
    const late = await startCollector(t, url, {}, { now: () => NOON + 2 * DAY })
    await late.app.maintain()
    await late.app.close()
    assert.deepEqual(await late.rows('salts'), [])
    assert.equal((await late.rows()).length, 1)
  })
})
