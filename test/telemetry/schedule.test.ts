import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { test, type TestContext } from 'node:test'
import { startSchedule } from '../../src/telemetry/schedule.js'
import { startListener } from '../helpers/listener.js'
import { pinDaily } from '../helpers/pin-daily.js'
import { buildPlatform } from '../helpers/platform.js'
import { within } from '../helpers/within.js'

const BOOT_MS = 30_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const BLOCKED_MS = 500
const LATE_MS = 10_000
/** The daily ping is due in one to two seconds, as its time is one of whole seconds. */
const SOON_MS = 2_000

/** More runs than any test expects, so that a schedule that never waits fails instead of running forever. */
const MOST_RUNS = 20

/** Starts a schedule on a mocked clock, with a time of day in UTC; records what it has run and when. */
function scheduleAt (t: TestContext, moment: string, timeOfDay = '18:00:00') {
  pinDaily(t, Date.parse(`1970-01-01T${timeOfDay}Z`))
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: new Date(moment) })
  const runs = { boot: [] as number[], daily: [] as number[] }
  const schedule = startSchedule((kind) => {
    assert.ok(runs[kind].length < MOST_RUNS, `more than ${MOST_RUNS} ${kind} pings`)
    runs[kind].push(Date.now())
  })
  t.after(schedule.stop)
  return { schedule, ...runs }
}

/** Advances the clock in steps of one minute. */
function pass (t: TestContext, milliseconds: number) {
  for (let passed = 0; passed < milliseconds; passed += 60_000) t.mock.timers.tick(60_000)
}

/** Sets the system clock. Timers are not affected. */
function setClock (t: TestContext, moment: number) {
  const mocked = globalThis.Date
  const offset = moment - Date.now()
  t.after(() => { globalThis.Date = mocked })
  globalThis.Date = class extends mocked {
    static override now () { return mocked.now() + offset }
  } as DateConstructor
}

test('the boot ping runs once, 30 seconds after the start', (t) => {
  const { boot } = scheduleAt(t, '2026-01-01T12:00:00Z')
  t.mock.timers.tick(BOOT_MS - 1)
  assert.deepEqual(boot, [])
  t.mock.timers.tick(1)
  assert.equal(boot.length, 1)
  pass(t, DAY_MS)
  assert.equal(boot.length, 1)
})

test('the daily ping runs every 24 hours, to the second', (t) => {
  const { schedule, daily } = scheduleAt(t, '2026-01-01T12:00:00Z')
  const first = schedule.nextDaily().getTime()
  assert.equal(first % 1000, 0)
  for (let day = 0; day < 7; day++) {
    const due = schedule.nextDaily().getTime()
    assert.equal(due, first + day * DAY_MS)
    t.mock.timers.tick(due - Date.now() - 1)
    assert.equal(daily.length, day)
    t.mock.timers.tick(1)
    assert.equal(daily.length, day + 1)
  }
})

const CLOCK_CHANGES = [
  ['Europe/Berlin', '2026-03-29T01:00:00Z'],
  ['Europe/Berlin', '2026-10-25T01:00:00Z'],
  ['America/New_York', '2026-03-08T07:00:00Z'],
  ['America/New_York', '2026-11-01T06:00:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T15:30:00Z']
] as const

for (const [zone, change] of CLOCK_CHANGES) {
  for (const [when, offset] of [['a second before', -1_000], ['at', 0], ['half an hour after', HOUR_MS / 2], ['twelve hours after', DAY_MS / 2]] as const) {
    test(`the daily ping due ${when} the clock change of ${change} in ${zone} runs every 24 hours`, (t) => {
      const { TZ } = process.env
      process.env.TZ = zone
      t.after(() => { if (TZ === undefined) delete process.env.TZ; else process.env.TZ = TZ })
      const moment = Date.parse(change) + offset
      const start = moment - 1.5 * DAY_MS
      const { daily } = scheduleAt(t, new Date(start).toISOString(), new Date(moment).toISOString().slice(11, 19))
      pass(t, 3 * DAY_MS)
      assert.deepEqual(daily, [-1, 0, 1].map((days) => moment + days * DAY_MS))
    })
  }
}

for (const second of [0, 43_199, 86_399]) {
  test(`the second of the day is picked at random, for example ${second}`, (t) => {
    const pick = t.mock.method(crypto, 'randomInt', () => second)
    syncBuiltinESMExports()
    const schedule = startSchedule(() => {})
    schedule.stop()
    pick.mock.restore()
    syncBuiltinESMExports()
    assert.equal(schedule.nextDaily().getTime() % DAY_MS, second * 1_000)
    assert.deepEqual(pick.mock.calls.map(({ arguments: bounds }) => bounds), [[86_400]])
  })
}

test('a daily ping missed while the machine was suspended runs within an hour of waking', (t) => {
  const { schedule, daily } = scheduleAt(t, '2026-01-01T12:00:00Z')
  setClock(t, schedule.nextDaily().getTime() + 5 * HOUR_MS)
  t.mock.timers.tick(HOUR_MS)
  assert.equal(daily.length, 1)
  assert.ok(schedule.nextDaily().getTime() > Date.now())
})

test('a daily ping due while the event loop is blocked is sent late, and only once', async (t) => {
  pinDaily(t, () => Date.now() + SOON_MS)
  const listener = await startListener(t)
  const { app, log } = await buildPlatform(t, { telemetry: { url: listener.url } })
  // In real time, counted from the start of the schedule.
  const due = app.telemetry.nextDaily()!.getTime()
  const awake = due + BLOCKED_MS
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, awake - Date.now())
  assert.equal(listener.connections(), 0)
  await within('the late ping', log.find(/^Telemetry was sent/), LATE_MS)
  const [ping, ...others] = await app.telemetry.pings()
  assert.equal(ping!.kind, 'daily')
  assert.ok(ping!.sentAt.getTime() >= awake)
  assert.deepEqual(others, [])
  assert.equal(app.telemetry.nextDaily()!.getTime(), due + DAY_MS)
})

test('a clock corrected from a month ahead does not stop the pings of that month', (t) => {
  const { schedule, daily } = scheduleAt(t, '2026-02-01T12:00:00Z')
  setClock(t, new Date('2026-01-01T12:00:00Z').getTime())
  t.mock.timers.tick(HOUR_MS)
  assert.ok(schedule.nextDaily().getTime() - Date.now() <= DAY_MS)
  pass(t, DAY_MS)
  assert.equal(daily.length, 1)
})

test('nothing runs after the stop', (t) => {
  const { schedule, boot, daily } = scheduleAt(t, '2026-01-01T12:00:00Z')
  schedule.stop()
  pass(t, 2 * DAY_MS)
  assert.deepEqual([...boot, ...daily], [])
})
