/** Limits, for any input, of one sender's influence on the published figures, and of what they reveal about a few. */
import assert from 'node:assert/strict'
import { before, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { DAY } from '../../../src/collector/day.js'
import { rowOf } from '../../../src/collector/storage/columns.js'
import type { Database } from '../../../src/collector/storage/database.js'
import { finishDay } from '../../../src/collector/storage/figures.js'
import { storePings } from '../../../src/collector/storage/pings.js'
import { inSoak } from '../../helpers/soak.js'
import { instanceId, openTestDatabase, sqliteUrl } from '../start-collector.js'

const FIRST = 20_700
const DAYS = 5
/** How many new installations of one address count each day: small, so that the limit is often reached. */
const CAP = 5

interface Installation { version: number, users: number, heardOn: boolean[] }
interface Case { honest: Installation[], lies: Installation[], liesFrom: number }

// Without a minimum length most cases would be too small to have any figure.
const someInstallations = (
  minLength: number, maxLength: number, users: fc.Arbitrary<number>, version: fc.Arbitrary<number>
) => fc.array(fc.record({
  version, users, heardOn: fc.array(fc.boolean(), { minLength: DAYS, maxLength: DAYS })
}), { minLength, maxLength, size: 'max' })

const cases: fc.Arbitrary<Case> = fc.record({
  // Similar counts, so that changes of their sum exceed the rounding.
  honest: someInstallations(25, 45, fc.integer({ min: 20, max: 27 }), fc.nat(6)),
  // All report the same.
  lies: fc.tuple(fc.constantFrom(0, 2 ** 31 - 1), fc.nat(6)).chain(([users, version]) => (
    someInstallations(8, 20, fc.constant(users), fc.constant(version)))),
  liesFrom: fc.nat(DAYS - 2)
})

const pingOf = (number: number, { version, users }: Installation, day: number, address: string) => ({
  row: rowOf({ instanceId: instanceId(number), env: { flowforge: `${version}.0.0` }, platform: { counts: { users } } }, day * DAY, 'hash', null),
  networkHash: `${address} on ${day}`
})

type Figures = Map<string, number>

/** Stores and counts all days. @returns the figures of each day */
async function publish (db: Database, { honest, lies, liesFrom }: Case): Promise<Figures[]> {
  await db.transaction(async (statements) => {
    for (const table of ['pings', 'installations', 'daily']) await statements.change(`DELETE FROM ${table}`)
  })
  for (let at = 0; at < DAYS; at++) {
    const pings = [
      // One installation pings every day, so that every day exists.
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

/** How many sent pings have a version. */
const sharing = ({ honest, lies }: Case, bucket: string) =>
  [...honest, ...lies].filter(({ version }) => bucket === `env_flowforge ${version}.0.0`).length

test('no published figure, nor the difference of two, is about fewer than 5 installations', async (t) => {
  const db = await open(t)
  let named = 0
  await fc.assert(fc.asyncProperty(cases, async (sent) => {
    const days = await publish(db, sent)
    for (const [at, figures] of days.entries()) {
      for (const [name, value] of figures) {
        assert.ok(value % 5 === 0 && value >= 0, `${name} is ${value}`)
        // A group that is shown has at least five; the counts of a day may be 0.
        if (!/^(active|change|total) /.test(name)) assert.ok(value >= 5, `${name} is ${value}`)
        if (/^env_flowforge \d/.test(name)) {
          named++
          assert.ok(sharing(sent, name) >= value, `${name} is ${value}, and ${sharing(sent, name)} have it`)
        }
        for (const other of [days[at - 1]?.get(name), figures.get('active month')]) {
          assert.ok(Math.abs(value - (other ?? 0)) % 5 === 0, name)
        }
      }
    }
  }), { numRuns: inSoak(10, 5), seed: 1, endOnFailure: true })
  assert.ok(named > 20, 'versions are published')
})

test('a sender changes no figure on its first day, and at most by the cap on each later day', async (t) => {
  const db = await open(t)
  let moved = 0
  await fc.assert(fc.asyncProperty(cases, async (sent) => {
    const [plain, bent] = [await publish(db, { ...sent, lies: [] }), await publish(db, sent)]
    const first = Array.from({ length: DAYS }, (_, at) => at)
      .find((at) => at >= sent.liesFrom && sent.lies.some(({ heardOn }) => heardOn[at])) ?? DAYS
    for (let at = 0; at < DAYS; at++) {
      if (at <= first) assert.deepEqual(bent[at], plain[at])
      else moved = Math.max(moved, compare(plain[at]!, bent[at]!, at - first, sent.honest))
    }
  }), { numRuns: inSoak(15, 5), seed: 2, endOnFailure: true })
  assert.ok(moved >= CAP, 'a sender reaches its cap')
})

test('installations heard on only one day change no figure of any day', async (t) => {
  const db = await open(t)
  await fc.assert(fc.asyncProperty(cases, async (sent) => {
    const once = sent.lies.map((lie) => ({ ...lie, heardOn: lie.heardOn.map((_, at) => at === sent.liesFrom) }))
    assert.deepEqual(await publish(db, { ...sent, lies: once }), await publish(db, { ...sent, lies: [] }))
  }), { numRuns: 3, seed: 3, endOnFailure: true })
})

/**
 * @param days on which the sender has introduced installations that may count by now
 * @returns the difference in active installations
 */
function compare (plain: Figures, bent: Figures, days: number, honest: Installation[]): number {
  const most = CAP * days
  for (const name of new Set([...plain.keys(), ...bent.keys()])) {
    const [before, now] = [plain.get(name), bent.get(name)]
    const change = (now ?? 0) - (before ?? 0)
    const what = `${name}: ${before} became ${now}`
    if (name.startsWith('total ')) {
      const { added, rounding } = mostOfSum(days, honest, before === undefined)
      assert.ok(change <= added + rounding && change >= -rounding, what)
    // Versions that are now named, with at most four installations each, no longer count as other.
    } else if (name.endsWith(' other')) assert.ok(change <= most && change >= -4 * 8, what)
    else if (/^(active|change) /.test(name) || before !== undefined) assert.ok(change <= most && change >= 0, what)
    else {
      // Named only because of the sender, who is at most one of the five senders of each day.
      assert.ok(change <= 4 + most, what)
      const others = honest.filter(({ version }) => name === `env_flowforge ${version}.0.0`).length
      if (name.startsWith('env_flowforge ')) assert.ok(others >= 5 - days, `${name} is named with ${others} others`)
    }
  }
  return bent.get('active month')! - plain.get('active month')!
}

/** The most that the sender adds to a sum: its installations and the four capped ones count as the fifth largest. */
function mostOfSum (days: number, honest: Installation[], isFirst: boolean): { added: number, rounding: number } {
  const level = honest.map(({ users }) => users).toSorted((a, b) => b - a)[4 - days] ?? 0
  const installations = 4 + CAP * days + (isFirst ? CAP + 4 : 0)
  // Both sums are rounded to a step of at most 12.5 times the level.
  return { added: installations * level, rounding: 12.5 * level + 10 }
}
