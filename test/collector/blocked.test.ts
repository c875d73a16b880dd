/** Maintenance and pings while the event loop or the database is blocked for some time. */
import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import { DAY } from '../../src/collector/day.js'
import { within } from '../helpers/within.js'
import { openTestDatabase, PING, sqliteUrl, startCollector } from './start-collector.js'

const TODAY = 20_780
const SECOND = 1000
const MINUTE = 60 * SECOND

/** @returns how often something was printed outside the log */
function watchConsole (t: TestContext): () => number {
  const mocks = [
    ...(['log', 'info', 'warn', 'error'] as const).map((name) => t.mock.method(console, name, () => {})),
    t.mock.method(process.stderr, 'write', () => true)
  ]
  // Node.js warns once that mocked timers are experimental.
  return () => mocks.flatMap(({ mock }) => mock.calls.map((call) => String(call.arguments[0])))
    .filter((line) => !line.includes('ExperimentalWarning')).length
}

for (const [what, from, forMs] of [
  ['10 seconds over midnight', (TODAY + 1) * DAY - 5 * SECOND, 10 * SECOND],
  ['2.5 seconds when figures are due', (TODAY + 1) * DAY + 10 * MINUTE - SECOND, 2.5 * SECOND],
  ['an hour, as on a suspended machine', (TODAY + 1) * DAY - 5 * SECOND, 60 * MINUTE]
] as const) {
  test(`an event loop that is blocked for ${what} delays salts, figures and retention only by minutes`, async (t) => {
    const printed = watchConsole(t)
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: TODAY * DAY + 1 })
    const url = await sqliteUrl(t)
    const { app } = await startCollector(t, url, { retentionDays: 1 }, { now: () => Date.now() })
    const db = await openTestDatabase(t, url, TODAY)
    await app.inject({ method: 'POST', url: '/', payload: PING })
    await db.change(`INSERT INTO salts (day, salt) VALUES (${TODAY - 1}, 'over at midnight')`)
    await db.change(`UPDATE pings SET received_at = received_at - ${DAY}`)

    const passUntil = async (moment: number) => {
      while (Date.now() < moment) {
        t.mock.timers.tick(Math.min(SECOND, moment - Date.now()))
        await new Promise(setImmediate)
      }
    }
    // Start an hour earlier, to skip hours in which nothing happens.
    t.mock.timers.setTime(from - 60 * MINUTE)
    await passUntil(from)
    // Timers that are due meanwhile run afterwards.
    t.mock.timers.setTime(from + forMs)
    await passUntil((TODAY + 1) * DAY + Math.max(22 * MINUTE, forMs + 2 * MINUTE))
    const isDone = async () => (await db.query(`SELECT 1 FROM salts WHERE day = ${TODAY - 1}
      UNION SELECT 1 FROM pings UNION SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM daily WHERE day = ${TODAY})`)).length === 0
    await within('maintenance', (async () => { while (!await isDone()) await new Promise(setImmediate) })(), 20 * SECOND)
    assert.equal(printed(), 0)
  })
}

test('a ping that waits for the SQLite write lock longer than the driver does is stored without output', async (t) => {
  const url = await sqliteUrl(t)
  const { post } = await startCollector(t, url)
  const printed = watchConsole(t)
  const other = await openTestDatabase(t, url)
  await other.query('BEGIN IMMEDIATE')
  const stored = post(PING)
  // The driver waits for one second.
  await wait(1500)
  await other.query('COMMIT')
  assert.equal((await stored).status, 200)
  assert.equal(printed(), 0)
})
