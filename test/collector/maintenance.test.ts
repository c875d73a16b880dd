import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY } from '../../src/collector/day.js'
import { rowOf } from '../../src/collector/storage/columns.js'
import { finishDays } from '../../src/collector/storage/figures.js'
import { listPartitions } from '../../src/collector/storage/partitions.js'
import { storePings } from '../../src/collector/storage/pings.js'
import { correctFuture, deletePings } from '../../src/collector/storage/retention.js'
import { describeOnBoth } from './both-databases.js'
import { instanceId, openTestDatabase, PING, sqliteUrl, startCollector } from './start-collector.js'

const TODAY = 20_780
const MINUTE = 60_000

const arrival = (number: number, moment: number) => ({
  row: rowOf({ ...PING, instanceId: instanceId(number) }, moment, 'hash', null), networkHash: `network ${number}`
})

describeOnBoth('maintenance', (create) => {
  test('pings older than the period are deleted, and no others', async (t) => {
    const db = await openTestDatabase(t, await create(t), TODAY)
    const count = db.kind === 'sqlite' ? 2345 : 1
    const old = Array.from({ length: count }, (_, number) => arrival(number, TODAY * DAY - 1))
    await storePings(db, [...old, arrival(9999, TODAY * DAY)])
    // A ping from the future among the oldest rows does not stop the deletion.
    await storePings(db, [arrival(9998, (TODAY + 7) * DAY)])
    assert.equal(await deletePings(db, TODAY), count)
    const left = await db.query<{ received_at: number }>('SELECT received_at FROM pings ORDER BY received_at')
    assert.deepEqual(left.map((row) => Number(row.received_at)), [TODAY * DAY, (TODAY + 7) * DAY])
  })

  test('a running collector counts finished days, deletes old pings and creates partitions for new ones', async (t) => {
    let now = TODAY * DAY
    const collector = await startCollector(t, await create(t), { retentionDays: 3 }, { now: () => now })
    for (let day = 0; day < 6; day++) {
      await collector.post(PING)
      now += DAY + 25 * MINUTE
      await collector.app.maintain()
    }
    const days = (await collector.rows('daily')).filter(({ figure, bucket }) => figure === 'active' && bucket === 'day')
    assert.deepEqual(days.map(({ day }) => day), [0, 1, 2, 3, 4, 5].map((day) => TODAY + day))
    assert.deepEqual((await collector.rows()).map(({ received_at: at }) => Math.floor(Number(at) / DAY)), [TODAY + 3, TODAY + 4, TODAY + 5])
    const db = await openTestDatabase(t, collector.databaseUrl, TODAY + 6)
    const partitions = await listPartitions(db)
    assert.equal(partitions.at(-1) ?? TODAY + 13, TODAY + 13)
  })

  test('a failed or missed job runs in the next minute, and the log names it', async (t) => {
    let now = TODAY * DAY
    let log = ''
    const logTo = { write: (line: string) => { log += line } }
    const { app, rows, databaseUrl } = await startCollector(t, await create(t), { logLevel: 'error' }, { now: () => now, logTo })
    await app.maintain()
    const db = await openTestDatabase(t, databaseUrl, TODAY)
    await db.change('ALTER TABLE salts RENAME TO salts_gone')
    now += 60 * MINUTE
    await app.maintain()
    assert.match(log, /destroying salts failed; the next attempt is within a minute/)
    await db.change('ALTER TABLE salts_gone RENAME TO salts')
    await db.change(`INSERT INTO salts (day, salt) VALUES (${TODAY - 2}, 'over'), (${TODAY + 2}, 'to come'), (${TODAY + 1}, 'tomorrow')`)
    now += MINUTE
    await app.maintain()
    assert.deepEqual((await rows('salts')).map(({ day }) => day), [TODAY + 1])
  })

  test('a clock that is briefly wrong neither finishes a day nor deletes a ping', async (t) => {
    let [now, uptime] = [TODAY * DAY, 0]
    const { app, post, rows } = await startCollector(t, await create(t), {}, { now: () => now, uptime: () => uptime })
    await post(PING)
    await app.maintain()
    now += 365 * DAY
    await app.maintain()
    now -= 365 * DAY
    await app.maintain()
    assert.equal((await rows()).length, 1)
    assert.deepEqual(await rows('daily'), [])
  })

  test('installations last heard in the future, by a clock that was ahead, are corrected', async (t) => {
    const db = await openTestDatabase(t, await create(t), TODAY)
    await storePings(db, [arrival(1, (TODAY - 1) * DAY)])
    await storePings(db, [arrival(1, (TODAY + 5) * DAY), arrival(2, (TODAY + 5) * DAY)])
    assert.equal(await correctFuture(db, TODAY), 2)
    await storePings(db, [arrival(1, TODAY * DAY)])
    const left = await db.query<{ last_day: number, days: string }>('SELECT last_day, days FROM installations')
    assert.deepEqual(left.map(({ last_day: day, days }) => [day, Number(days)]), [[TODAY, 0b11]])
    await finishDays(db, TODAY + 1, 20)
  })
})

test('a salt that SQLite cannot remove from its log is reported, and destroyed once the reader is gone', async (t) => {
  let now = TODAY * DAY
  let log = ''
  const logTo = { write: (line: string) => { log += line } }
  const { app, post, databaseUrl } = await startCollector(t, await sqliteUrl(t), { logLevel: 'error' }, { now: () => now, logTo })
  await app.maintain()
  const reader = await openTestDatabase(t, databaseUrl, TODAY)
  await reader.query('BEGIN')
  await reader.query('SELECT * FROM installations')
  await post(PING)
  now += 2 * DAY
  await app.maintain()
  assert.match(log, /"code":"salt_in_log".*destroying salts failed/)
  await reader.query('COMMIT')
  log = ''
  now += MINUTE
  await app.maintain()
  assert.equal(log, '')
})
