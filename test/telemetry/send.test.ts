import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import type { LoggedPing } from '../../src/telemetry/index.js'
import { startListener } from '../helpers/listener.js'
import { buildPlatform, WARN, type Platform } from '../helpers/platform.js'
import { watchWaits } from '../helpers/watch-waits.js'

const BOOT_MS = 30_000
const LONGEST_BACKOFF_MS = 120_000

/** The newest ping of the log, as soon as it is as a test wants it. */
async function pingWhen ({ app }: Platform, wanted: (ping: LoggedPing) => boolean): Promise<LoggedPing> {
  for (;;) {
    const [ping] = await app.telemetry.pings()
    if (ping && wanted(ping)) return ping
  }
}

const isOver = ({ outcome }: LoggedPing) => outcome !== 'pending'

/** Starts a platform and its boot ping, by a clock that only the test moves; `passWait` lets the wait after an attempt pass. */
async function startPing (t: TestContext, url: string) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const waits = watchWaits(t)
  const platform = await buildPlatform(t, { telemetry: { url } })
  t.mock.timers.tick(BOOT_MS)
  return {
    platform,
    waits,
    async passWait (attempt: number) {
      const { milliseconds } = await waits.nth(attempt)
      t.mock.timers.tick(milliseconds)
    }
  }
}

describe('a refused consent sends nothing', () => {
  const refusals: [title: string, telemetry: object, prepare?: (platform: Platform, t: TestContext) => unknown][] = [
    ['of flowforge.yml', { enabled: false }],
    ['of a mistyped flowforge.yml', { enabled: 'off' }],
    ['of the administrator', {}, ({ app }) => app.settings.set('telemetry:enabled', false)],
    ['of an unreadable setting', {}, ({ app }) => (
      app.db.models.PlatformSetting.upsert({ key: 'telemetry:enabled', value: 'no' }))],
    ['of an unfinished setup', {}, ({ app }) => app.settings.set('setup:initialised', false)],
    ['of the environment', {}, (_platform, t) => {
      process.env.DO_NOT_TRACK = '1'
      t.after(() => { delete process.env.DO_NOT_TRACK })
    }]
  ]
  for (const [title, telemetry, prepare] of refusals) {
    test(title, async (t) => {
      const listener = await startListener(t)
      t.mock.timers.enable({ apis: ['setTimeout'] })
      const platform = await buildPlatform(t, { telemetry: { url: listener.url, ...telemetry } })
      await prepare?.(platform, t)
      t.mock.timers.tick(BOOT_MS)
      await assert.rejects(platform.app.telemetry.send(), { code: 'telemetry_off', message: /^Telemetry is off: / })
      assert.deepEqual(await platform.app.telemetry.pings(), [])
      await platform.app.close()
      assert.equal(listener.connections(), 0)
    })
  }
})

test('a setup that is finished within the first 30 seconds is in time for the boot ping', async (t) => {
  const listener = await startListener(t)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { app } = await buildPlatform(t, { telemetry: { url: listener.url }, initialised: false })
  t.mock.timers.tick(BOOT_MS - 1)
  await app.settings.set('setup:initialised', true)
  t.mock.timers.tick(1)
  await listener.next()
})

test('a delivered ping stands in the log with the exact bytes and the receipt', async (t) => {
  const listener = await startListener(t, (response) => { response.end('{"status":"success","received":{}}') })
  const { app } = await buildPlatform(t, { telemetry: { url: listener.url } })
  const preview = await app.telemetry.preview()
  const { id, sentAt, durationMs, idempotencyKey, ...rest } = await app.telemetry.send()
  assert.deepEqual(rest, {
    kind: 'manual',
    body: preview,
    outcome: 'delivered',
    status: 200,
    attempts: 1,
    receipt: '{"status":"success","received":{}}',
    error: null
  })
  const { body, headers } = await listener.next()
  assert.equal(body, preview)
  assert.equal(headers['idempotency-key'], idempotencyKey)
  assert.deepEqual(await app.telemetry.pings(), [{ id, sentAt, durationMs, idempotencyKey, ...rest }])
})

test('the log keeps the newest 100 pings', async (t) => {
  const listener = await startListener(t)
  const { app } = await buildPlatform(t, { telemetry: { url: listener.url } })
  for (let n = 0; n < 102; n++) await app.telemetry.send()
  const ids = (await app.telemetry.pings()).map(({ id }) => id)
  assert.deepEqual(ids, Array.from({ length: 100 }, (_, n) => 102 - n))
})

test('a ping that cannot be recorded is not sent', async (t) => {
  const listener = await startListener(t)
  const { app } = await buildPlatform(t, { telemetry: { url: listener.url } })
  await app.telemetry.pings()
  await app.db.sequelize.query('DROP TABLE TelemetryPings')
  await assert.rejects(app.telemetry.send(), /TelemetryPings/)
  assert.equal(listener.connections(), 0)
})

test('a ping without a random UUID to tell its installation by is not sent', async (t) => {
  const listener = await startListener(t)
  const { app } = await buildPlatform(t, { telemetry: { url: listener.url } })
  await app.settings.set('instanceId', 'not-a-uuid')
  await assert.rejects(app.telemetry.send(), { code: 'telemetry_off', message: /lacks the setting instanceId/ })
  assert.equal(listener.connections(), 0)
})

describe('a failing delivery', () => {
  test('is tried four times with the same bytes and key, then given up, with one warning', async (t) => {
    const listener = await startListener(t, (response) => { response.writeHead(503).end('closed') })
    const { platform, passWait } = await startPing(t, listener.url)
    for (const attempt of [1, 2, 3]) await passWait(attempt)
    const { attempts, outcome, status, receipt, error } = await pingWhen(platform, isOver)
    assert.deepEqual({ attempts, outcome, status, receipt, error }, {
      attempts: 4, outcome: 'failed', status: 503, receipt: 'closed', error: 'the collector answered 503'
    })
    assert.equal(listener.requests.length, 4)
    assert.equal(new Set(listener.requests.map(({ headers }) => headers['idempotency-key'])).size, 1)
    assert.equal(new Set(listener.requests.map(({ body }) => body)).size, 1)
    assert.equal(platform.log.atLeast(WARN).length, 1)
  })

  test('that recovers says so once', async (t) => {
    const listener = await startListener(t, (response) => {
      response.writeHead(listener.requests.length < 3 ? 500 : 200).end()
    })
    const { platform, passWait } = await startPing(t, listener.url)
    for (const attempt of [1, 2]) await passWait(attempt)
    const { attempts, outcome } = await pingWhen(platform, isOver)
    assert.deepEqual({ attempts, outcome }, { attempts: 3, outcome: 'delivered' })
    const said = platform.log.lines.filter(({ msg }) => /could not be sent|was sent/.test(msg)).map(({ level }) => level)
    assert.deepEqual(said, [40, 20, 30])
  })

  test('of a manual ping is not repeated: somebody is waiting', async (t) => {
    const { app } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:1/' } })
    const { outcome, attempts, status, error } = await app.telemetry.send()
    assert.deepEqual({ outcome, attempts, status }, { outcome: 'failed', attempts: 1, status: null })
    assert.match(error!, /ECONNREFUSED/)
  })
})

describe('a no is immediate', () => {
  test('it cancels a waiting retry', async (t) => {
    const listener = await startListener(t, (response) => { response.writeHead(503).end() })
    const { platform, waits } = await startPing(t, listener.url)
    await waits.nth(1)
    await platform.app.settings.set('telemetry:enabled', false)
    const { outcome, error, attempts } = await pingWhen(platform, isOver)
    assert.deepEqual({ outcome, error, attempts }, {
      outcome: 'cancelled', error: 'an administrator turned telemetry off', attempts: 1
    })
    t.mock.timers.tick(LONGEST_BACKOFF_MS)
    assert.equal(listener.requests.length, 1)
  })

  test('it aborts a request in flight', async (t) => {
    const listener = await startListener(t, () => { /* never answers */ })
    const platform = await buildPlatform(t, { telemetry: { url: listener.url } })
    const sending = platform.app.telemetry.send()
    await listener.next()
    await platform.app.settings.set('telemetry:enabled', false)
    assert.equal((await sending).outcome, 'cancelled')
  })

  test('it reaches another replica before its next attempt', async (t) => {
    const listener = await startListener(t, (response) => { response.writeHead(503).end() })
    const { platform, waits, passWait } = await startPing(t, listener.url)
    await waits.nth(1)
    const replica = await buildPlatform(t, { telemetry: { url: listener.url }, home: platform.home })
    await replica.app.settings.set('telemetry:enabled', false)
    await passWait(1)
    assert.equal((await pingWhen(platform, isOver)).outcome, 'cancelled')
    assert.equal(listener.requests.length, 1)
  })

  test('stopping the platform aborts a request in flight, too', async (t) => {
    const listener = await startListener(t, () => { /* never answers */ })
    const { app } = await buildPlatform(t, { telemetry: { url: listener.url } })
    const sending = app.telemetry.send()
    await listener.next()
    await app.close()
    assert.equal((await sending).outcome, 'cancelled')
  })
})
