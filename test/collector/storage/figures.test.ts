import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import pg from 'pg'
import { DAY } from '../../../src/collector/day.js'
import { rowOf } from '../../../src/collector/storage/columns.js'
import type { Database } from '../../../src/collector/storage/database.js'
import { finishDays } from '../../../src/collector/storage/figures.js'
import { createPartition } from '../../../src/collector/storage/partitions.js'
import { storePings } from '../../../src/collector/storage/pings.js'
import { foldBuckets, roundCount, roundTotal } from '../../../src/collector/storage/rounding.js'
import { startPostgres, type Postgres } from '../../helpers/postgres.js'
import { someOf } from '../../helpers/soak.js'
import { describeOnBoth } from '../both-databases.js'
import { instanceId, openTestDatabase, PING, postgresUrl } from '../start-collector.js'

const FIRST = 20_700
const CAP = 20

interface Sent { number: number, day: number, nodejs?: string | null, users?: number, from?: string }

const arrivalOf = ({ number, day, nodejs = 'v20.0.0', users = 1, from = `address of ${number}` }: Sent) => ({
  row: rowOf({ ...PING, instanceId: instanceId(number), env: { nodejs }, platform: { counts: { users } } }, day * DAY, 'hash', null),
  networkHash: from
})

/** Stores pings day by day. */
async function store (db: Database, sent: Sent[]): Promise<void> {
  for (const day of [...new Set(sent.map(({ day }) => day))].toSorted((a, b) => a - b)) {
    await db.transaction((statements) => createPartition(statements, day))
    await storePings(db, sent.filter((ping) => ping.day === day).map(arrivalOf))
  }
}

async function figuresOf (db: Database, day: number, figure: string): Promise<Record<string, number>> {
  const rows = await db.query<{ bucket: string, value: number | string }>(
    'SELECT bucket, value FROM daily WHERE day = $1 AND figure = $2 ORDER BY bucket', [day, figure])
  return Object.fromEntries(rows.map(({ bucket, value }) => [bucket, Number(value)]))
}

/** 60 installations for 100 days, with gaps of all lengths, computed so that each run is the same. */
const SENT: Sent[] = Array.from({ length: 60 }, (_, number) => Array.from({ length: 100 }, (_, at) => at)
  .filter((at) => at >= number && (at * at * (number + 3)) % 101 < 12 + number % 7 && (number % 9 !== 4 || at < 60))
  .map((at) => ({ number, day: FIRST + at, nodejs: at > 50 + number ? 'v22.0.0' : 'v20.0.0' }))).flat()

/** Computes the figures of a day from the list of sent pings, as docs/collector.md defines them. */
function countByHand (day: number) {
  // Without a ping for 56 days or more: counts as new.
  const heard = (number: number) => {
    const days = SENT.filter((ping) => ping.number === number && ping.day <= day).map((ping) => ping.day)
    return days.filter((_, index) => !days.slice(index + 1).some((next, at) => next - days[index + at]! >= 56))
  }
  const isSettled = (days: number[], by: number) => new Set(days.filter((each) => each <= by)).size > 1
  const isActive = (days: number[], by: number, length: number) => days.some((each) => each <= by && each > by - length)
  const all = [...new Set(SENT.map(({ number }) => number))].map((number) => ({ number, days: heard(number) }))
    .filter(({ days }) => isSettled(days, day))
  const count = (test: (days: number[]) => boolean) => roundCount(all.filter(({ days }) => test(days)).length)
  const month = all.filter(({ days }) => isActive(days, day, 30))
  const nodejs = month.map(({ number }) => SENT.findLast((ping) => ping.number === number && ping.day <= day)!.nodejs!)
  const buckets = foldBuckets([...new Set(nodejs)].map((bucket) => {
    const value = nodejs.filter((each) => each === bucket).length
    return { bucket, value, senders: value }
  }))
  return {
    active: { day: count((days) => isActive(days, day, 1)), month: roundCount(month.length), week: count((days) => isActive(days, day, 7)) },
    change: {
      lost: count((days) => isSettled(days, day - 7) && isActive(days, day - 7, 7) && !isActive(days, day, 7)),
      new: count((days) => !isSettled(days, day - 7)),
      returning: count((days) => isSettled(days, day - 7) && !isActive(days, day - 7, 7) && isActive(days, day, 7))
    },
    env_nodejs: Object.fromEntries(buckets.map(({ bucket, value }) => [bucket, roundCount(value)]).toSorted())
  }
}

let databases = 0

describeOnBoth('the figures', (create) => {
  // The one on SQLite, the other on PostgreSQL, unless there is time for both.
  for (const late of someOf([0, 3], databases++)) {
    test(`each day's equal those computed from the sent pings, also when counted ${late} days late`, async (t) => {
      const db = await openTestDatabase(t, await create(t), FIRST)
      for (let day = FIRST; day < FIRST + 100; day++) {
        await store(db, SENT.filter((ping) => ping.day === day))
        // The pings of today are already stored when the days before are counted.
        if (late === 0 || day % late === 0) await finishDays(db, day, CAP)
      }
      for (let day = FIRST + 1; day < FIRST + 99; day++) {
        const { active, change, env_nodejs: nodejs } = countByHand(day)
        assert.deepEqual(await figuresOf(db, day, 'active'), active, `active on day ${day - FIRST}`)
        assert.deepEqual(await figuresOf(db, day, 'change'), change, `change on day ${day - FIRST}`)
        assert.deepEqual(await figuresOf(db, day, 'env_nodejs'), nodejs, `Node.js on day ${day - FIRST}`)
      }
    })
  }

  test('an installation counts from the second day on which it is heard', async (t) => {
    const db = await openTestDatabase(t, await create(t), FIRST)
    const heardOn = (day: number) => Array.from({ length: 10 }, (_, number) => ({ number, day }))
    await store(db, [...heardOn(FIRST), ...heardOn(FIRST + 3)])
    await finishDays(db, FIRST + 4, CAP)
    const active = await Promise.all([0, 1, 2, 3].map(async (at) => (await figuresOf(db, FIRST + at, 'active')).month))
    assert.deepEqual(active, [0, 0, 0, 10])
  })

  test('only so many installations per address and day ever count, also if some are stored late', async (t) => {
    const db = await openTestDatabase(t, await create(t), FIRST)
    const invented = (from: number, to: number, day: number) => Array.from({ length: to - from }, (_, at) => (
      { number: from + at, day, users: 2 ** 31 - 1, from: 'one address' }))
    await store(db, invented(0, 15, FIRST))
    await finishDays(db, FIRST + 1, CAP)
    // Received before midnight, but stored after the day was counted.
    await store(db, invented(15, 50, FIRST))
    await store(db, invented(0, 50, FIRST + 1))
    await finishDays(db, FIRST + 3, CAP)
    assert.equal((await figuresOf(db, FIRST + 1, 'active')).month, CAP)
    assert.deepEqual(await figuresOf(db, FIRST + 1, 'total'), {})
    await db.query('SELECT 1 FROM installations WHERE introduced_by IS NOT NULL').then((rows) => assert.deepEqual(rows, []))
  })

  test('a sum caps counts that only one address reports at the largest of the others', async (t) => {
    const db = await openTestDatabase(t, await create(t), FIRST)
    const honest = Array.from({ length: 100 }, (_, number) => ({ number, users: 10 }))
    const liars = Array.from({ length: 20 }, (_, at) => ({ number: 200 + at, users: 2 ** 31 - 1, from: 'one address' }))
    for (const day of [FIRST, FIRST + 1]) await store(db, [...honest, ...liars].map((ping) => ({ ...ping, day })))
    await finishDays(db, FIRST + 2, CAP)
    assert.equal((await figuresOf(db, FIRST + 1, 'total')).platform_counts_users, 1200)
  })

  test('a sender of false counts adds the largest below the top 5 % once, and the median for the others', async (t) => {
    const db = await openTestDatabase(t, await create(t), FIRST)
    const honest = Array.from({ length: 100 }, (_, number) => ({ number, users: number }))
    const liars = Array.from({ length: 20 }, (_, at) => ({ number: 200 + at, users: 2 ** 31 - 1, from: 'one address' }))
    for (const day of [FIRST, FIRST + 1]) await store(db, [...honest, ...liars].map((ping) => ({ ...ping, day })))
    await finishDays(db, FIRST + 2, CAP)
    // 95 of 100 counts are unchanged, the top five count as 95; the sender adds 95 and 19 times 50 to the 4950.
    assert.equal((await figuresOf(db, FIRST + 1, 'total')).platform_counts_users, 6000)
  })

  test('days without pings also have figures, and a day is counted once', async (t) => {
    const db = await openTestDatabase(t, await create(t), FIRST)
    const both = Array.from({ length: 7 }, (_, number) => [{ number, day: FIRST }, { number, day: FIRST + 1 }]).flat()
    await store(db, both)
    assert.equal(await finishDays(db, FIRST + 5, CAP), 5)
    assert.equal(await finishDays(db, FIRST + 5, CAP), 0)
    assert.deepEqual(await figuresOf(db, FIRST + 4, 'active'), { day: 0, month: 5, week: 5 })
  })
})

let postgres: Postgres
before(async () => { postgres = await startPostgres() })
after(() => postgres.stop())

test('on PostgreSQL a day is counted at the first attempt while one of its new installations is sending', async (t) => {
  const url = await postgresUrl(postgres)
  const db = await openTestDatabase(t, url, FIRST)
  await store(db, Array.from({ length: 9 }, (_, number) => ({ number, day: FIRST })))
  const sender = new pg.Client(url)
  await sender.connect()
  t.after(() => sender.end())
  await sender.query('BEGIN')
  await sender.query('UPDATE installations SET days = days')
  let attempts = 0
  const counting = finishDays({ ...db, transaction: (run) => db.transaction((statements) => { attempts++; return run(statements) }) }, FIRST + 1, CAP)
  while ((await sender.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")).rows.length === 0);
  await sender.query('COMMIT')
  assert.equal(await counting, 1)
  assert.equal(attempts, 2, 'one attempt to admit installations, one to count')
})

test('no bucket is below 5, including other', () => {
  const fold = (counts: Record<string, number>) => Object.fromEntries(
    foldBuckets(Object.entries(counts).map(([bucket, value]) => ({ bucket, value, senders: value }))).map(({ bucket, value }) => [bucket, value]))
  assert.deepEqual(fold({ a: 5 }), { a: 5 })
  assert.deepEqual(fold({}), {})
  assert.deepEqual(fold({ a: 20, rare: 1, invented: 4 }), { a: 20, other: 5 })
  assert.deepEqual(fold({ a: 20, b: 7, rare: 4 }), { a: 20, b: 7 })
  assert.deepEqual(fold({ rare: 4 }), {})
  assert.deepEqual(fold({ a: 9, other: 2 }), { a: 9 })
  assert.deepEqual(fold({ a: 9, b: 4, other: 2 }), { a: 9, other: 6 })
})

test('a bucket that one sender fills up to 5 besides four others becomes part of other', () => {
  assert.deepEqual(foldBuckets([{ bucket: 'a', value: 20, senders: 20 }, { bucket: 'rare', value: 24, senders: 4 }]), [
    { bucket: 'a', value: 20 }, { bucket: 'other', value: 24 }
  ])
})

test('counts are rounded down to 5', () => {
  assert.deepEqual([0, 1, 4, 5, 7, 8, 12, 13].map(roundCount), [0, 0, 0, 5, 5, 5, 10, 10])
})

test('one installation changes a sum by at most a fifth of its step', () => {
  assert.equal(roundTotal(1234, 10), 1250)
  assert.equal(roundTotal(1234, 11), 1200)
  assert.equal(roundTotal(3, 0), 5)
})

test('for any counts, no published figure shows a group below 5, nor does subtracting one from the next', () => {
  const publish = (counts: number[]) => foldBuckets(counts.map((value, index) => ({ bucket: `v${index}`, value, senders: value })))
    .map(({ bucket, value }) => [bucket, roundCount(value)] as const)
  fc.assert(fc.property(fc.array(fc.tuple(...[0, 1, 2, 3].map(() => fc.nat(30))), { minLength: 2, maxLength: 8 }), (days) => {
    for (const [index, counts] of days.entries()) {
      const today = new Map(publish(counts))
      for (const value of today.values()) assert.ok(value >= 5)
      const whole = roundCount(counts.reduce((sum, count) => sum + count, 0))
      const rest = Math.abs(whole - [...today.values()].reduce((sum, value) => sum + value, 0))
      assert.ok(rest === 0 || rest >= 5)
      const before = new Map(publish(days[index - 1] ?? []))
      for (const [bucket, value] of today) {
        const change = Math.abs(value - (before.get(bucket) ?? 0))
        assert.ok(change === 0 || change >= 5)
      }
    }
  }), { seed: 20780 })
})
