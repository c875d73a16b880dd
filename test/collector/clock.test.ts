import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { DAY, dayOf } from '../../src/collector/day.js'
import { listPartitions } from '../../src/collector/storage/partitions.js'
import { startPostgres, type Postgres } from '../helpers/postgres.js'
import { describeOnBoth } from './both-databases.js'
import { makeClock } from './make-clock.js'
import { openTestDatabase, PING, postgresUrl, startCollector } from './start-collector.js'

const TODAY = 20_780
const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** Everything that a wrong clock could delete or change. */
async function readAll (url: string, t: TestContext) {
  const db = await openTestDatabase(t, url, TODAY)
  const rows = async (sql: string) => (await db.query(sql)).length
  return {
    pings: await rows('SELECT 1 FROM pings'),
    installations: await rows('SELECT 1 FROM installations'),
    figures: await rows('SELECT 1 FROM daily'),
    partitions: await listPartitions(db)
  }
}

describeOnBoth('a clock that cannot be trusted', (create) => {
  for (const [what, wrong, words] of [
    ['a year ahead', 365 * DAY, /the newest figures are of/],
    ['at 1970', -TODAY * DAY, /is not over by it/],
    ['two days behind', -2 * DAY, /is not over by it/]
  ] as const) {
    test(`at the start is noticed and logged if it is ${what}, and nothing is deleted or counted`, async (t) => {
      const url = await create(t)
      const clock = makeClock(TODAY * DAY + HOUR)
      // The database server runs on the same machine, with the same wrong clock.
      const options = () => ({ ...clock.options, databaseNow: clock.options.now })
      const first = await startCollector(t, url, {}, options())
      for (let day = 0; day < 3; day++) {
        await first.post(PING)
        clock.pass(DAY)
        await first.app.maintain()
      }
      await first.app.close()
      const before = await readAll(url, t)

      clock.set(wrong)
      clock.boot()
      let log = ''
      const logTo = { write: (line: string) => { log += line } }
      const { app } = await startCollector(t, url, { logLevel: 'warn' }, { ...options(), logTo })
      for (let minute = 0; minute < 30; minute++) {
        clock.pass(MINUTE)
        await app.maintain()
      }
      assert.match(log, /figures and retention wait for the clock/)
      assert.match(log, words)
      assert.equal(log.match(/wait for the clock/g)?.length, 1, 'logged once')
      // Ignore the partitions that the start itself has created.
      const left = await readAll(url, t)
      assert.deepEqual({ ...left, partitions: before.partitions.filter((day) => left.partitions.includes(day)) }, before)
    })
  }

  test('that is right after days without a collector is trusted after 24 hours, and the days count', async (t) => {
    const url = await create(t)
    const clock = makeClock(TODAY * DAY + HOUR)
    const first = await startCollector(t, url, {}, clock.options)
    await first.post(PING)
    clock.pass(DAY)
    await first.app.maintain()
    await first.app.close()
    clock.pass(20 * DAY)
    clock.boot()
    const { app, rows } = await startCollector(t, url, {}, clock.options)
    const days = async () => new Set((await rows('daily')).map(({ day }) => day)).size
    await app.maintain()
    assert.equal(await days(), 1)
    clock.pass(DAY)
    await app.maintain()
    assert.equal(await days(), 22)
  })

  test('because it was set while the collector runs is trusted ten minutes later', async (t) => {
    const clock = makeClock(TODAY * DAY + HOUR)
    let log = ''
    const logTo = { write: (line: string) => { log += line } }
    const { app, post, rows } = await startCollector(t, await create(t), { logLevel: 'info' }, { ...clock.options, logTo })
    await post(PING)
    await app.maintain()
    clock.set(3 * DAY)
    await app.maintain()
    assert.match(log, /it was set by more than five minutes/)
    clock.set(0)
    clock.pass(DAY)
    await app.maintain()
    assert.deepEqual(await rows('daily'), [])
    clock.pass(10 * MINUTE)
    await app.maintain()
    assert.match(log, /the clock is trusted again/)
    assert.ok((await rows('daily')).every(({ day }) => day === TODAY))
    assert.equal((await rows()).length, 1)
  })

  test("that differs from the database's is never trusted", async (t) => {
    const clock = makeClock(TODAY * DAY + HOUR)
    const url = await create(t)
    const { app, post, rows } = await startCollector(t, url, {}, clock.options)
    await post(PING)
    await app.close()
    clock.set(200 * DAY)
    clock.boot()
    const wrong = await startCollector(t, url, {}, clock.options)
    for (let day = 0; day < 3; day++) {
      clock.pass(DAY)
      await wrong.app.maintain()
    }
    assert.deepEqual([await rows('daily'), (await rows()).length], [[], 1])
  })
})

let postgres: Postgres
before(async () => { postgres = await startPostgres() })
after(() => postgres.stop())

test('a collector creates partitions around the time of the database, not around its own', async (t) => {
  const db = await openTestDatabase(t, await postgresUrl(postgres), undefined)
  const days = await listPartitions(db)
  assert.ok(days.includes(dayOf(Date.now())) && days.length === 9)
})
