import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fastify } from 'fastify'
import telemetry from '../../src/telemetry/index.js'
import { startListener } from '../helpers/listener.js'
import { buildPlatform, WARN } from '../helpers/platform.js'

const url = 'http://127.0.0.1:1/'

describe('the boot log says in one line', () => {
  test('that telemetry is on, and who allows it', async (t) => {
    const { log } = await buildPlatform(t, { telemetry: { url } })
    const { level, msg } = await log.find(/^Telemetry is/)
    assert.equal(level, 30)
    assert.equal(msg, 'Telemetry is on: the administrator allows it, and neither flowforge.yml nor the environment says no.')
  })

  test('that it is off, and where flowforge.yml says so', async (t) => {
    const { log } = await buildPlatform(t, { telemetry: { url, enabled: false } })
    const { level, msg } = await log.find(/^Telemetry is/)
    assert.equal(level, 30)
    assert.match(msg, /^Telemetry is off: .*flowforge.yml, line 3, sets telemetry.enabled to false\.$/)
  })

  test('that it is off for a doubt, as the one warning of the start', async (t) => {
    const { log } = await buildPlatform(t, { telemetry: { url, enabled: 'no' } })
    const { msg } = await log.find(/^Telemetry is/)
    assert.match(msg, /line 3, sets telemetry.enabled to 'no', which is neither true nor false\.$/)
    assert.deepEqual(log.atLeast(WARN).map(({ msg }) => msg), [msg])
  })
})

test('the daily ping has a time when it is due, unless the operator says no', async (t) => {
  const on = await buildPlatform(t, { telemetry: { url } })
  const hours = (on.app.telemetry.nextDaily()!.getTime() - Date.now()) / 3_600_000
  assert.ok(hours > 0 && hours <= 24)
  const off = await buildPlatform(t, { telemetry: { url, enabled: false } })
  assert.equal(off.app.telemetry.nextDaily(), null)
})

test('the operator is quoted where he says no, and not where he leaves the choice', async (t) => {
  const on = await buildPlatform(t, { telemetry: { url } })
  await on.app.settings.set('telemetry:enabled', false)
  assert.equal(on.app.telemetry.operatorSays(), undefined)
  const off = await buildPlatform(t, { telemetry: { url, enabled: false } })
  assert.deepEqual(off.app.telemetry.operatorSays(), await off.app.telemetry.consent())
})

test('opting out sends nothing, and neither does opting in again', async (t) => {
  const listener = await startListener(t)
  const { app } = await buildPlatform(t, { telemetry: { url: listener.url } })
  await app.settings.set('telemetry:enabled', false)
  await app.settings.set('telemetry:enabled', true)
  await app.close()
  assert.equal(listener.connections(), 0)
})

test('a platform that closes twice, or before it was ready, closes cleanly', async (t) => {
  const { app } = await buildPlatform(t, { telemetry: { url } })
  await app.close()
  await app.close()
})

test('a host that registers telemetry too early is told which plugin is missing', async (t) => {
  const app = fastify()
  t.after(() => app.close())
  await assert.rejects(async () => { await app.register(telemetry) }, /app\.(config|settings|db)/)
})
