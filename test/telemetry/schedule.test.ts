import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { startSchedule } from '../../src/telemetry/schedule.js'
import { startListener } from '../helpers/listener.js'
import { pinDaily } from '../helpers/pin-daily.js'
import { buildPlatform } from '../helpers/platform.js'
import { within } from '../helpers/within.js'

const BOOT_MS = 30_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const BLOCKED_MS = 1_500
const LATE_MS = 10_000

/** A schedule on a mocked clock that starts at a moment, and when it has run what so far. */
function scheduleAt (t: TestContext, moment: string) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: new Date(moment) })
  const runs = { boot: [] as number[], daily: [] as number[] }
  const schedule = startSchedule((kind) => { runs[kind].push(Date.now()) })
  t.after(schedule.stop)
  return { schedule, ...runs }
}

/** Lets the clock run on, a minute at a time. */
function pass (t: TestContext, milliseconds: number) {
  for (let passed = 0; passed < milliseconds; passed += 60_000) t.mock.timers.tick(60_000)
}

/** Sets the clock of the machine: what waits, waits on. */
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

for (const zone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Etc/UTC']) {
  for (const change of ['2026-03-07', '2026-03-28', '2026-04-04', '2026-10-03', '2026-10-24', '2026-10-31']) {
    test(`the daily ping runs once a day around ${change} in ${zone}`, (t) => {
      const { TZ } = process.env
      process.env.TZ = zone
      t.after(() => { process.env.TZ = TZ ?? '' })
      const { daily } = scheduleAt(t, `${change}T00:00:00Z`)
      pass(t, 3 * DAY_MS)
      assert.equal(daily.length, 3)
      assert.equal(new Set(daily.map((at) => Math.floor(at / DAY_MS))).size, 3)
    })
  }
}

test('the daily ping may fall on any second of the day', () => {
  const seconds = Array.from({ length: 500 }, () => {
    const schedule = startSchedule(() => {})
    schedule.stop()
    return schedule.nextDaily().getTime() % DAY_MS / 1000
  })
  // Of 500 seconds picked at random all miss a tenth of the day once in 10^22 times.
  for (let tenth = 0; tenth < 10; tenth++) {
    assert.ok(seconds.some((second) => Math.floor(second / 8_640) === tenth), `none in tenth ${tenth} of the day`)
  }
  assert.ok(seconds.some((second) => second % 60 !== 0), 'none off the full minute')
})

test('a daily ping that was slept through runs late, within an hour of waking', (t) => {
  const { schedule, daily } = scheduleAt(t, '2026-01-01T12:00:00Z')
  setClock(t, schedule.nextDaily().getTime() + 5 * HOUR_MS)
  t.mock.timers.tick(HOUR_MS)
  assert.equal(daily.length, 1)
  assert.ok(schedule.nextDaily().getTime() > Date.now())
})

test('a daily ping that comes due while the event loop is blocked leaves late, and once', async (t) => {
  // On the real clock, with time to start the platform before.
  const due = Math.ceil(Date.now() / 1_000) * 1_000 + 4_000
  pinDaily(t, due)
  const listener = await startListener(t)
  const { app, log } = await buildPlatform(t, { telemetry: { url: listener.url } })
  assert.equal(app.telemetry.nextDaily()!.getTime(), due)
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

test('a clock that was a month ahead and is set right does not silence the month', (t) => {
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
