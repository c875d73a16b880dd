import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { BOOT_MS } from '../helpers/follow-ping.js'
import { startListener } from '../helpers/listener.js'
import { buildPlatform, type Platform } from '../helpers/platform.js'
import { isOver, pingWhen, startPing } from '../helpers/start-ping.js'

const LONGEST_BACKOFF_MS = 120_000

describe('nothing is sent without consent, refused by', () => {
  const refusals: [title: string, telemetry: object, prepare?: (platform: Platform, t: TestContext) => unknown][] = [
    ['flowforge.yml', { enabled: false }],
    ['a mistyped flowforge.yml', { enabled: 'off' }],
    ['the administrator', {}, ({ app }) => app.settings.set('telemetry:enabled', false)],
    ['an unreadable setting', {}, ({ app }) => (
      app.db.models.PlatformSetting.upsert({ key: 'telemetry:enabled', value: 'no' }))],
    ['an unfinished setup', {}, ({ app }) => app.settings.set('setup:initialised', false)],
    ['the environment', {}, (_platform, t) => {
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

test('a setup finished within 30 seconds of the start is followed by the boot ping', async (t) => {
  const listener = await startListener(t)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { app } = await buildPlatform(t, { telemetry: { url: listener.url }, initialised: false })
  t.mock.timers.tick(BOOT_MS - 1)
  await app.settings.set('setup:initialised', true)
  t.mock.timers.tick(1)
  await listener.next()
})

describe('opting out takes effect immediately:', () => {
  test('it cancels a waiting retry', async (t) => {
    const listener = await startListener(t, (response) => { response.writeHead(503).end() })
    const { platform, waits } = await startPing(t, listener.url)
    await waits.nth(1)
    await platform.app.settings.set('telemetry:enabled', false)
    const { outcome, error, attempts } = await pingWhen(platform, isOver)
    assert.deepEqual({ outcome, error, attempts }, {
      outcome: 'cancelled', error: 'telemetry was turned off in the settings', attempts: 1
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
    assert.deepEqual([listener.requests.length, listener.connections()], [1, 1])
  })

  test('stopping the platform also aborts a request in flight', async (t) => {
    const listener = await startListener(t, () => { /* never answers */ })
    const { app } = await buildPlatform(t, { telemetry: { url: listener.url } })
    const sending = app.telemetry.send()
    await listener.next()
    await app.close()
    assert.equal((await sending).outcome, 'cancelled')
  })
})
