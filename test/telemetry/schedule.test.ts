import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { fastify } from 'fastify'
import { startSchedule } from '../../src/telemetry/schedule.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** A schedule on a mocked clock that starts at a moment, and what it has run so far. */
function scheduleAt (t: TestContext, moment: string) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: new Date(moment) })
  const runs: { kind: string, at: Date }[] = []
  const schedule = startSchedule((kind) => { runs.push({ kind, at: new Date() }) }, fastify().log)
  t.after(schedule.stop)
  return { schedule, runs, dailies: () => runs.filter(({ kind }) => kind === 'daily') }
}

/** Lets the clock run, hour by hour, with what a run does in between. */
async function pass (t: TestContext, hours: number) {
  for (let hour = 0; hour < hours; hour++) {
    t.mock.timers.tick(HOUR_MS)
    await new Promise(setImmediate)
  }
}

test('the boot ping runs once, 30 seconds after the start', async (t) => {
  const { runs } = scheduleAt(t, '2026-01-01T12:00:00Z')
  t.mock.timers.tick(29_999)
  assert.deepEqual(runs, [])
  t.mock.timers.tick(1)
  assert.deepEqual(runs.map(({ kind }) => kind), ['boot'])
  await pass(t, 24)
  assert.equal(runs.filter(({ kind }) => kind === 'boot').length, 1)
})

test('the daily ping runs every 24 hours, to the second', async (t) => {
  const { schedule, dailies } = scheduleAt(t, '2026-01-01T12:00:00Z')
  const first = schedule.nextDaily()!.getTime()
  for (let day = 0; day < 7; day++) {
    const due = schedule.nextDaily()!.getTime()
    assert.equal(due, first + day * DAY_MS)
    t.mock.timers.tick(due - Date.now() - 1)
    await new Promise(setImmediate)
    assert.equal(dailies().length, day)
    t.mock.timers.tick(1)
    await new Promise(setImmediate)
    assert.equal(dailies().length, day + 1)
  }
})

for (const zone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Etc/UTC']) {
  for (const change of ['2026-03-07', '2026-03-28', '2026-04-04', '2026-10-03', '2026-10-24', '2026-10-31']) {
    test(`the daily ping runs once a day around ${change} in ${zone}`, async (t) => {
      const { TZ } = process.env
      process.env.TZ = zone
      t.after(() => { process.env.TZ = TZ ?? '' })
      const { dailies } = scheduleAt(t, `${change}T00:00:00Z`)
      await pass(t, 72)
      const days = dailies().map(({ at }) => at.toISOString().slice(0, 10))
      assert.equal(days.length, 3)
      assert.equal(new Set(days).size, 3)
    })
  }
}

test('the daily ping may fall on any second of the day', () => {
  const seconds = Array.from({ length: 500 }, () => {
    const schedule = startSchedule(() => {}, fastify().log)
    schedule.stop()
    return schedule.nextDaily()!.getTime() / 1000 % 86_400
  })
  // Of 500 seconds picked at random all miss a tenth of the day once in 10^22 times.
  for (let tenth = 0; tenth < 10; tenth++) {
    assert.ok(seconds.some((second) => Math.floor(second / 8_640) === tenth), `none in tenth ${tenth} of the day`)
  }
  assert.ok(seconds.some((second) => second % 60 !== 0), 'none off the full minute')
})

test('a daily ping that was slept through runs late, not never', async (t) => {
  const { schedule, dailies } = scheduleAt(t, '2026-01-01T12:00:00Z')
  const due = schedule.nextDaily()!.getTime()
  const late = due + 5 * HOUR_MS
  // The clock goes on while no timer does, as when the machine sleeps.
  const RealDate = Date
  t.mock.method(globalThis, 'Date', class extends RealDate {
    constructor (...args: [number]) {
      super(...(args.length > 0 ? args : [late]) as [number])
    }

    static override now () { return late }
  } as DateConstructor)
  t.mock.timers.tick(due - RealDate.now())
  await new Promise(setImmediate)
  assert.equal(dailies().length, 1)
})

for (const [title, hours, least] of [
  ['back by five hours', -5, 1], ['forward by five hours', 5, 2], ['forward by three days', 72, 2]
] as const) {
  test(`the daily ping goes on after the clock was set ${title}`, async (t) => {
    const { dailies } = scheduleAt(t, '2026-01-01T12:00:00Z')
    await pass(t, 24)
    assert.equal(dailies().length, 1)
    setClock(t, hours * HOUR_MS)
    await pass(t, 49)
    assert.ok(dailies().length - 1 >= least, `${dailies().length - 1} in 49 hours`)
  })
}

/** Sets the clock, while the timers go on as they were. */
function setClock (t: TestContext, step: number) {
  const Before = Date
  t.mock.method(globalThis, 'Date', class extends Before {
    constructor (...args: [number]) {
      super(...(args.length > 0 ? args : [Before.now() + step]) as [number])
    }

    static override now () { return Before.now() + step }
  } as DateConstructor)
}

test('nothing runs after the stop', async (t) => {
  const { schedule, runs } = scheduleAt(t, '2026-01-01T12:00:00Z')
  schedule.stop()
  await pass(t, 48)
  assert.deepEqual(runs, [])
})
