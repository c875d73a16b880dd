import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import type { Sequelize } from 'sequelize'
import { rowOf } from '../../../src/collector/storage/columns.js'
import { openCollectorDatabase } from '../../../src/collector/storage/database.js'
import { activityCounter, type ActiveDay } from '../../../src/collector/report/activity.js'
import { countDistributions, foldSmall } from '../../../src/collector/report/distributions.js'
import { DAY } from '../../../src/collector/storage/salts.js'
import { storeRows } from '../../../src/collector/storage/pings.js'
import { startPostgres, type Postgres } from '../../helpers/postgres.js'
import { PING, postgresUrl, sqliteUrl } from '../start-collector.js'

const TODAY = 20_780
const NOW = TODAY * DAY + DAY / 2

let postgres: Postgres
before(async () => { postgres = await startPostgres() })
after(() => postgres.stop())

const installation = (number: number) => PING.instanceId.replace(/^.{4}/, String(number).padStart(4, '0'))

const pingAt = (number: number, moment: number, rest: object = {}) =>
  rowOf({ ...PING, ...rest, instanceId: installation(number) }, moment, 'hash', null)

/** Pings with gaps of all lengths, several on some days, told apart by arithmetic alone so that each run is the same. */
const PINGS = Array.from({ length: 1500 }, (_, i) => ({
  number: i % 23,
  moment: NOW - Math.floor(((i * 7919) % 1500) ** 2 / 4.5) * 60_000 - (i % 5) * 1000
}))

/** What the report must say of a day, counted as the words mean it. */
function countByHand (day: number): ActiveDay {
  const within = (days: number) => new Set(PINGS.filter(({ moment }) => {
    const heard = Math.floor(moment / DAY)
    return heard <= day && heard > day - days
  }).map(({ number }) => number)).size
  return { day: new Date(day * DAY).toISOString().slice(0, 10), onDay: within(1), in7Days: within(7), in30Days: within(30) }
}

for (const [name, databaseUrl] of Object.entries({ SQLite: sqliteUrl, PostgreSQL: () => postgresUrl(postgres) })) {
  describe(`the figures on ${name}`, () => {
    const open = async (t: TestContext): Promise<Sequelize> => {
      const db = await openCollectorDatabase(await databaseUrl(t))
      t.after(() => db.close())
      return db
    }

    test('an installation is active on the day of a ping and for 7 and 30 days', async (t) => {
      const db = await open(t)
      await storeRows(db, PINGS.map(({ number, moment }) => pingAt(number, moment)))
      const days = await activityCounter(db)(NOW)
      assert.equal(days.length, Math.min(365, TODAY - Math.min(...PINGS.map(({ moment }) => Math.floor(moment / DAY))) + 1))
      days.forEach((day, index) => assert.deepEqual(day, countByHand(TODAY - days.length + 1 + index)))
    })

    test('what was counted on one day goes on the next as if all were counted anew', async (t) => {
      const db = await open(t)
      const count = activityCounter(db)
      for (const now of [NOW - 40 * DAY, NOW - DAY, NOW, NOW]) {
        await db.query('DELETE FROM pings')
        await storeRows(db, PINGS.filter(({ moment }) => moment <= now).map(({ number, moment }) => pingAt(number, moment)))
        assert.deepEqual(await count(now), await activityCounter(db)(now))
      }
    })

    test('each installation of the last 30 days is counted once, by its newest ping', async (t) => {
      const db = await open(t)
      const withNode = (nodejs: string | null, users: number) => ({ env: { nodejs }, platform: { counts: { users } } })
      const rows = [
        // Seven upgraded, five did not, and one has not been heard of for longer.
        ...Array.from({ length: 7 }, (_, i) => pingAt(i, NOW - 3 * DAY, withNode('v18.0.0', 1))),
        ...Array.from({ length: 7 }, (_, i) => pingAt(i, NOW - DAY, withNode('v20.0.0', 7))),
        ...Array.from({ length: 5 }, (_, i) => pingAt(10 + i, NOW - 29 * DAY, withNode('v18.0.0', 0))),
        pingAt(20, NOW - 31 * DAY, withNode('v18.0.0', 1))
      ].toSorted((a, b) => Number(a[0]) - Number(b[0]))
      await storeRows(db, rows)
      const { nodejs, users } = await countDistributions(db, NOW)
      assert.deepEqual(nodejs.buckets, [{ name: 'v20.0.0', installations: 7 }, { name: 'v18.0.0', installations: 5 }])
      assert.deepEqual(users.buckets, [{ name: '0', installations: 5 }, { name: '6–10', installations: 7 }])
    })

    test('what fewer than five share is other, and what a ping did not tell has its own name', async (t) => {
      const db = await open(t)
      const driver = (name: string | null) => ({ platform: { config: { driver: name } } })
      await storeRows(db, ['docker', 'docker', 'docker', 'docker', 'docker', 'k8s', 'k8s', 'k8s', 'k8s', 'other', null, null, null, null, null]
        .map((name, i) => pingAt(i, NOW, driver(name))))
      const { driver: drivers, users } = await countDistributions(db, NOW)
      assert.deepEqual(drivers.buckets, [
        { name: 'docker', installations: 5 }, { name: 'not told', installations: 5 }, { name: 'other', installations: 5 }])
      assert.deepEqual(users.buckets, [{ name: 'not told', installations: 15 }])
    })
  })
}

test('nothing is folded where nothing is small', () => {
  assert.deepEqual(foldSmall([{ name: 'a', installations: 5 }]), [{ name: 'a', installations: 5 }])
  assert.deepEqual(foldSmall([]), [])
})
