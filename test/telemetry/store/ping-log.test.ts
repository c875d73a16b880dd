import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { openDatabase, type DatabaseAddress } from '../../../src/database/open.js'
import { migrate } from '../../../src/telemetry/store/migrations.js'
import { NOT_ATTEMPTED, PingLog } from '../../../src/telemetry/store/ping-log.js'
import type { PingKind } from '../../../src/telemetry/types.js'
import { describeOnBoth } from '../../helpers/databases.js'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

async function openPingLog (t: TestContext, address: DatabaseAddress) {
  const sequelize = await openDatabase(address)
  t.after(() => sequelize.close())
  await migrate(sequelize)
  return { sequelize, log: new PingLog(sequelize) }
}

const pingOf = (kind: PingKind, sentAt = new Date()) => (
  { kind, sentAt, idempotencyKey: 'key', url: 'http://127.0.0.1:1/', body: '{}' })

describeOnBoth('the ping log', (create) => {
  test('records a scheduled ping for one of five replicas', async (t) => {
    const address = await create()
    const replicas = [await openPingLog(t, address)]
    while (replicas.length < 5) replicas.push(await openPingLog(t, address))
    const recorded = await Promise.all(replicas.map(({ log }) => log.record(pingOf('daily'))))
    assert.equal(recorded.filter(Boolean).length, 1)
  })

  test('releases the claim if the ping could not be recorded', async (t) => {
    const { sequelize, log } = await openPingLog(t, await create())
    await sequelize.query('ALTER TABLE "TelemetryPings" RENAME TO "Away"')
    await assert.rejects(log.record(pingOf('daily')), /TelemetryPings/)
    await sequelize.query('ALTER TABLE "Away" RENAME TO "TelemetryPings"')
    assert.ok(await log.record(pingOf('daily')))
  })

  for (const [kind, age, outcome] of [
    ['boot', MINUTE_MS, 'pending'],
    ['daily', 3 * MINUTE_MS, 'interrupted'],
    ['manual', 3 * MINUTE_MS, 'interrupted']
  ] as const) {
    test(`lists a ${kind} ping without a result, ${age / MINUTE_MS} minutes old, as ${outcome}`, async (t) => {
      const { log } = await openPingLog(t, await create())
      await log.record(pingOf(kind, new Date(Date.now() - age)))
      assert.deepEqual((await log.list()).map((ping) => ping.outcome), [outcome])
    })
  }

  for (const [due, wait, outcome] of [
    ['in an hour', HOUR_MS, 'pending'],
    ['now', 0, 'pending'],
    ['three minutes ago', -3 * MINUTE_MS, 'interrupted']
  ] as const) {
    test(`lists a ping whose next attempt is due ${due} as ${outcome}`, async (t) => {
      const { log } = await openPingLog(t, await create())
      const ping = await log.record(pingOf('boot', new Date(Date.now() - 2 * HOUR_MS)))
      const nextAttemptAt = new Date(Date.now() + wait)
      await log.saveResult(ping!.id, { ...NOT_ATTEMPTED, attempts: 2, status: 503, nextAttemptAt })
      assert.deepEqual((await log.list()).map((ping) => [ping.outcome, ping.nextAttemptAt]), [[outcome, nextAttemptAt]])
    })
  }

  for (const [title, url, left, expected] of [
    ['as long as the receiver asked for after an earlier ping', 'http://127.0.0.1:1/', 40 * MINUTE_MS, 40 * MINUTE_MS],
    ['not as long as another receiver asked for', 'http://127.0.0.1:2/', 40 * MINUTE_MS, null],
    ['not after that time has passed', 'http://127.0.0.1:1/', 0, null],
    ['not until a time computed by a clock that was ahead', 'http://127.0.0.1:1/', HOUR_MS + 1, null]
  ] as const) {
    test(`makes a new scheduled ping wait ${title}`, async (t) => {
      const { log } = await openPingLog(t, await create())
      const now = new Date()
      const asked = await log.record({ ...pingOf('manual', now), url })
      const nextAttemptAt = new Date(now.getTime() + left)
      await log.saveResult(asked!.id, { ...NOT_ATTEMPTED, outcome: 'cancelled', status: 503, attempts: 1, nextAttemptAt })
      const ping = await log.record({ ...pingOf('daily', now), idempotencyKey: 'next' })
      assert.deepEqual(ping!.nextAttemptAt, expected === null ? null : new Date(now.getTime() + expected))
      assert.equal((await log.record({ ...pingOf('manual', now), idempotencyKey: 'mine' }))!.nextAttemptAt, null)
    })
  }

  test('saves the result of a process that was only suspended', async (t) => {
    const { log } = await openPingLog(t, await create())
    const ping = await log.record(pingOf('daily', new Date(Date.now() - 9 * HOUR_MS)))
    await log.saveResult(ping!.id, { ...NOT_ATTEMPTED, outcome: 'delivered', status: 200, attempts: 1 })
    assert.deepEqual((await log.list()).map(({ outcome }) => outcome), ['delivered'])
  })
})
