/** What one sender can do to the published figures, and what they tell about a few: whatever is sent. */
import assert from 'node:assert/strict'
import { before, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { DAY } from '../../../src/collector/day.js'
import { rowOf } from '../../../src/collector/storage/columns.js'
import type { Database } from '../../../src/collector/storage/database.js'
import { finishDay } from '../../../src/collector/storage/figures.js'
import { storePings } from '../../../src/collector/storage/pings.js'
import { instanceId, openTestDatabase, sqliteUrl } from '../start-collector.js'

const FIRST = 20_700
const DAYS = 5
/** New installations of one address that count each day: small, so that the edge is often met. */
const CAP = 3

interface Installation { version: number, users: number, heardOn: boolean[] }
interface Case { honest: Installation[], lies: Installation[], liesFrom: number }

const someInstallations = (maxLength: number, users: fc.Arbitrary<number>) => fc.array(fc.record({
  version: fc.nat(3), users, heardOn: fc.array(fc.boolean(), { minLength: DAYS, maxLength: DAYS })
}), { maxLength })

const cases: fc.Arbitrary<Case> = fc.record({
  honest: someInstallations(40, fc.nat(50)),
  lies: someInstallations(12, fc.constantFrom(0, 7, 2 ** 31 - 1)),
  liesFrom: fc.nat(DAYS - 2)
})

const pingOf = (number: number, { version, users }: Installation, day: number, address: string) => ({
  row: rowOf({ instanceId: instanceId(number), env: { flowforge: `${version}.0.0` }, platform: { counts: { users } } }, day * DAY, 'hash', null),
  networkHash: `${address} on ${day}`
})

type Figures = Map<string, number>

/** Stores and counts all days. @returns the figures of each */
async function publish (db: Database, { honest, lies, liesFrom }: Case): Promise<Figures[]> {
  await db.transaction(async (statements) => {
    for (const table of ['pings', 'installations', 'daily']) await statements.change(`DELETE FROM ${table}`)
  })
  for (let at = 0; at < DAYS; at++) {
    const pings = [
      // One that pings each day lets the days begin.
      pingOf(9999, { version: 9, users: 0, heardOn: [] }, FIRST + at, 'the first'),
      ...honest.flatMap((each, number) => each.heardOn[at] ? [pingOf(number, each, FIRST + at, `address of ${number}`)] : []),
      ...lies.flatMap((each, number) => each.heardOn[at] && at >= liesFrom ? [pingOf(1000 + number, each, FIRST + at, 'the liar')] : [])
    ]
    await storePings(db, pings)
    await db.transaction((statements) => finishDay(statements, FIRST + at, CAP))
  }
  const rows = await db.query<{ day: number, figure: string, bucket: string, value: number }>('SELECT * FROM daily')
  return Array.from({ length: DAYS }, (_, at) => new Map(rows.filter(({ day }) => day === FIRST + at)
    .map(({ figure, bucket, value }) => [`${figure} ${bucket}`, value])))
}

let open: (t: TestContext) => Promise<Database>
before(() => { open = async (t) => openTestDatabase(t, await sqliteUrl(t), FIRST) })

test('no published figure, nor the difference of two, is of fewer than 5', async (t) => {
  const db = await open(t)
  await fc.assert(fc.asyncProperty(cases, async (sent) => {
    const days = await publish(db, sent)
    for (const [at, figures] of days.entries()) {
      for (const [name, value] of figures) {
        assert.ok(value % 5 === 0 && value >= 0, `${name} is ${value}`)
        // Shown at all, a group has five; the counts of a day may be 0.
        if (!/^(active|change|total) /.test(name)) assert.ok(value >= 5, `${name} is ${value}`)
        const change = value - (days[at - 1]?.get(name) ?? 0)
        assert.ok(Math.abs(change) % 5 === 0, name)
      }
    }
  }), { numRuns: 10, seed: 1, endOnFailure: true })
})

test('a sender moves no figure on its first day, and by no more than the cap for each day after it', async (t) => {
  const db = await open(t)
  await fc.assert(fc.asyncProperty(cases, async (sent) => {
    const [plain, bent] = [await publish(db, { ...sent, lies: [] }), await publish(db, sent)]
    const first = Array.from({ length: DAYS }, (_, at) => at)
      .find((at) => at >= sent.liesFrom && sent.lies.some(({ heardOn }) => heardOn[at])) ?? DAYS
    for (let at = 0; at < DAYS; at++) {
      if (at <= first) assert.deepEqual(bent[at], plain[at])
      else compare(plain[at]!, bent[at]!, at - first, sent.honest)
    }
  }), { numRuns: 15, seed: 2, endOnFailure: true })
})

/** @param days on which the sender has brought in installations that may count by now */
function compare (plain: Figures, bent: Figures, days: number, honest: Installation[]): void {
  // Rounding adds 5 at most: 4 are published as 0, and 7 as 5, but 4 + 3 as 5.
  const most = Math.ceil(CAP * days / 5) * 5 + 5
  for (const name of new Set([...plain.keys(), ...bent.keys()])) {
    const [before, now] = [plain.get(name), bent.get(name)]
    if (name.startsWith('total ')) {
      // Less than what the largest honest count for each of the installations would be, rounded.
      const largest = Math.max(...honest.map(({ users }) => users), 0)
      if (CAP * days < CAP + 5) assert.ok((now ?? 0) <= (honest.length + 1 + CAP * days) * largest * 2 + 5, `${name}: ${now}`)
    } else if (name.startsWith('active ') || name.startsWith('change ') || (before !== undefined && now !== undefined && !name.endsWith(' other'))) {
      assert.ok(Math.abs(now! - before!) <= most, `${name}: ${before} became ${now}`)
    } else if (before === undefined && name.startsWith('env_flowforge ') && !name.endsWith(' other')) {
      // Named only because of the sender: at most one of the five senders each day is this one.
      const others = honest.filter(({ version }) => name === `env_flowforge ${version}.0.0`).length
      assert.ok(others >= 5 - days, `${name} is named with ${others} others`)
    }
  }
}
