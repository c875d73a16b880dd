import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { migrate } from '../../src/telemetry/store/migrations.js'
import { CONFIRMATION, startListener } from '../helpers/listener.js'
import { buildPlatform, WARN } from '../helpers/platform.js'
import { isOver, pingWhen, startPing } from '../helpers/start-ping.js'

test('a delivered ping is in the log with the exact bytes and the receipt', async (t) => {
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
    nextAttemptAt: null,
    contentType: null,
    receipt: '{"status":"success","received":{}}',
    url: listener.url,
    errorCode: null,
    error: null
  })
  const { body, headers } = await listener.next()
  assert.equal(body, preview)
  assert.equal(headers['idempotency-key'], idempotencyKey)
  assert.deepEqual(await app.telemetry.pings(), [{ id, sentAt, durationMs, idempotencyKey, ...rest }])
})

test('two requests with one idempotency key, concurrent or later, send one ping', async (t) => {
  const listener = await startListener(t)
  const { app } = await buildPlatform(t, { telemetry: { url: listener.url } })
  const key = '0b6ef0a6-35e4-4d7c-b6a2-7a3f7a0c8f10'
  const [one, two] = await Promise.all([app.telemetry.send(key), app.telemetry.send(key)])
  const later = await app.telemetry.send(key)
  assert.deepEqual([two, later], [one, one])
  assert.equal(one.idempotencyKey, key)
  assert.deepEqual(await app.telemetry.pings(), [one])
  assert.equal(listener.requests.length, 1)
  assert.deepEqual(await app.telemetry.ping(one.id), one)
  assert.equal(await app.telemetry.ping(one.id + 1), undefined)
})

test('the log keeps the newest 100 pings', async (t) => {
  const listener = await startListener(t)
  const { app } = await buildPlatform(t, { telemetry: { url: listener.url } })
  await app.telemetry.send()
  // Copies of that ping fill the log.
  await app.db.sequelize.query(`INSERT INTO TelemetryPings (kind, sentAt, idempotencyKey, body, outcome, attempts)
    WITH RECURSIVE n(id) AS (VALUES (2) UNION ALL SELECT id + 1 FROM n LIMIT 99)
    SELECT kind, sentAt, n.id, body, outcome, attempts FROM TelemetryPings, n`)
  for (let n = 0; n < 2; n++) await app.telemetry.send()
  const ids = (await app.telemetry.pings()).map(({ id }) => id)
  assert.deepEqual(ids, Array.from({ length: 100 }, (_, n) => 102 - n))
})

test('a ping that cannot be recorded is not sent', async (t) => {
  const listener = await startListener(t)
  const { app } = await buildPlatform(t, { telemetry: { url: listener.url } })
  await migrate(app.db.sequelize)
  await app.db.sequelize.query('DROP TABLE TelemetryPings')
  await assert.rejects(app.telemetry.send(), /TelemetryPings/)
  assert.equal(listener.connections(), 0)
})

test('a ping whose instanceId is not a random UUID is not sent', async (t) => {
  const listener = await startListener(t)
  const { app } = await buildPlatform(t, { telemetry: { url: listener.url } })
  await app.settings.set('instanceId', 'not-a-uuid')
  await assert.rejects(app.telemetry.send(), { code: 'telemetry_off', message: /lacks the setting instanceId/ })
  assert.equal(listener.connections(), 0)
})

describe('a failing delivery', () => {
  test('is tried four times with the same bytes and key, then given up with one warning', async (t) => {
    const listener = await startListener(t, (response) => { response.writeHead(503).end('closed') })
    const { platform, passWait } = await startPing(t, listener.url)
    const over = pingWhen(platform, isOver)
    // A ping that is given up too soon has no further wait.
    for (const attempt of [1, 2, 3]) await Promise.race([passWait(attempt), over])
    const { attempts, outcome, status, receipt, error } = await over
    assert.deepEqual({ attempts, outcome, status, receipt, error }, {
      attempts: 4, outcome: 'failed', status: 503, receipt: 'closed', error: 'the collector answered 503'
    })
    assert.equal(listener.requests.length, 4)
    assert.equal(new Set(listener.requests.map(({ headers }) => headers['idempotency-key'])).size, 1)
    assert.equal(new Set(listener.requests.map(({ body }) => body)).size, 1)
    assert.equal(platform.log.atLeast(WARN).length, 1)
  })

  test('shows when the next attempt of a waiting ping is due', async (t) => {
    const listener = await startListener(t, (response) => { response.writeHead(503, { 'retry-after': '40' }).end() })
    const { platform } = await startPing(t, listener.url)
    const { outcome, nextAttemptAt } = await pingWhen(platform, ({ attempts }) => attempts === 1)
    assert.equal(outcome, 'pending')
    const left = nextAttemptAt!.getTime() - Date.now()
    assert.ok(left > 0 && left <= 40_000, `${left} ms`)
  })

  for (const [title, status, kind, promised] of [
    ['a scheduled ping that waits', 503, 'boot', true],
    ['a scheduled ping that the collector rejects', 400, 'boot', false],
    ['a scheduled ping that is unconfirmed', 204, 'boot', false],
    ['a manual ping', 503, 'manual', false]
  ] as const) {
    test(`of ${title} is logged ${promised ? 'with' : 'without'} a promise of another attempt`, async (t) => {
      const { url } = await startListener(t, (response) => { response.writeHead(status).end() })
      const platform = kind === 'boot' ? (await startPing(t, url)).platform : await buildPlatform(t, { telemetry: { url } })
      if (kind === 'manual') await platform.app.telemetry.send()
      const { level, msg } = await platform.log.find(/could not be sent/)
      assert.equal(level, WARN)
      assert.equal(/tried again by itself/.test(msg), promised)
    })
  }

  test('logs the first delivered ping at info, later ones at debug', async (t) => {
    const { url } = await startListener(t)
    const { app, log } = await buildPlatform(t, { telemetry: { url } })
    for (let sent = 0; sent < 3; sent++) await app.telemetry.send()
    assert.deepEqual(log.lines.filter(({ msg }) => /was sent/.test(msg)).map(({ level }) => level), [30, 20, 20])
  })

  test('logs its recovery once', async (t) => {
    const listener = await startListener(t, (response) => {
      response.writeHead(listener.requests.length < 3 ? 500 : 200).end(CONFIRMATION)
    })
    const { platform, passWait } = await startPing(t, listener.url)
    for (const attempt of [1, 2]) await passWait(attempt)
    const { attempts, outcome } = await pingWhen(platform, isOver)
    assert.deepEqual({ attempts, outcome }, { attempts: 3, outcome: 'delivered' })
    const said = platform.log.lines.filter(({ msg }) => /could not be sent|was sent/.test(msg)).map(({ level }) => level)
    assert.deepEqual(said, [40, 20, 30])
  })

  test('of a manual ping is not retried, as the caller is waiting', async (t) => {
    const { app } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:1/' } })
    const { outcome, attempts, status, error } = await app.telemetry.send()
    assert.deepEqual({ outcome, attempts, status }, { outcome: 'failed', attempts: 1, status: null })
    assert.match(error!, /ECONNREFUSED/)
  })
})
