import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { renameSync } from 'node:fs'
import { describe, test } from 'node:test'
import timers from 'node:timers/promises'
import { fastify } from 'fastify'
import telemetry from '../../src/telemetry/index.js'
import { startListener } from '../helpers/listener.js'
import { createNextRelease } from '../helpers/next-release.js'
import { buildPlatform, PlatformLog, WARN, type PlatformOptions } from '../helpers/platform.js'
import { locate } from '../helpers/program.js'

const url = 'http://127.0.0.1:1/'

describe('the boot log says in one line', () => {
  test('that telemetry is on, and who allows it', async (t) => {
    const { log } = await buildPlatform(t, { telemetry: { url } })
    const { level, msg } = await log.find(/^Telemetry is/)
    assert.equal(level, 30)
    assert.equal(msg, 'Telemetry is on: the platform\'s settings allow it, and neither flowforge.yml nor the environment turns it off.')
  })

  test('that it is off, and where flowforge.yml says so', async (t) => {
    const { log } = await buildPlatform(t, { telemetry: { url, enabled: false } })
    const { level, msg } = await log.find(/^Telemetry is/)
    assert.equal(level, 30)
    assert.match(msg, /^Telemetry is off: .*flowforge.yml, line 3, sets telemetry.enabled to false\.$/)
  })

  test('that it is off because of an invalid setting, as the only warning at the start', async (t) => {
    const { log } = await buildPlatform(t, { telemetry: { url, enabled: 'no' } })
    const { msg } = await log.find(/^Telemetry is/)
    assert.match(msg, /line 3, sets telemetry.enabled to 'no', which is neither true nor false\. Write true or false, and restart\.$/)
    assert.deepEqual(log.atLeast(WARN).map(({ msg }) => msg), [msg])
  })
})

test('the daily ping has a due time unless the operator refuses', async (t) => {
  const on = await buildPlatform(t, { telemetry: { url } })
  const hours = (on.app.telemetry.nextDaily()!.getTime() - Date.now()) / 3_600_000
  assert.ok(hours > 0 && hours <= 24)
  const off = await buildPlatform(t, { telemetry: { url, enabled: false } })
  assert.equal(off.app.telemetry.nextDaily(), null)
})

test('operatorConsent is the operator\'s refusal, and undefined if the operator leaves the choice', async (t) => {
  const on = await buildPlatform(t, { telemetry: { url } })
  await on.app.settings.set('telemetry:enabled', false)
  assert.equal(await on.app.telemetry.operatorConsent(), undefined)
  const off = await buildPlatform(t, { telemetry: { url, enabled: false } })
  assert.deepEqual(await off.app.telemetry.operatorConsent(), await off.app.telemetry.consent())
})

test('opting out sends nothing, and neither does opting in again', async (t) => {
  const listener = await startListener(t)
  const { app } = await buildPlatform(t, { telemetry: { url: listener.url } })
  await app.settings.set('telemetry:enabled', false)
  await app.settings.set('telemetry:enabled', true)
  await app.close()
  assert.equal(listener.connections(), 0)
})

test('a platform whose files are incomplete during an upgrade runs, and sends once they are there', async (t) => {
  const listener = await startListener(t)
  const { folder, load } = createNextRelease(t)
  const file = locate('src/telemetry/service.ts', folder)
  renameSync(file, `${file}.new`)
  const release = await load<PlatformOptions['release']>('src/app.ts')
  const { app, log } = await buildPlatform(t, { telemetry: { url: listener.url }, release })
  const { level, msg } = await log.find(/^Telemetry is/)
  assert.equal(level, WARN)
  assert.match(msg, /^Telemetry is off while its settings cannot be read \(.*ERR_MODULE_NOT_FOUND/)
  assert.equal((await app.inject('/health')).statusCode, 200)
  await assert.rejects(app.telemetry.send(), { code: 'ERR_MODULE_NOT_FOUND' })
  assert.equal(listener.connections(), 0)
  renameSync(`${file}.new`, file)
  assert.equal((await app.telemetry.send()).outcome, 'delivered')
})

test('a platform closes cleanly twice in a row, and before it is ready', async (t) => {
  const { app } = await buildPlatform(t, { telemetry: { url } })
  await app.close()
  await app.close()
})

test('a stop waits for a preview, which reads the database in a transaction', async (t) => {
  const { app } = await buildPlatform(t, { telemetry: { url } })
  const { Team } = app.db.models
  const counting = new EventEmitter()
  const count = Team.count.bind(Team)
  t.mock.method(Team, 'unscoped', () => ({
    count: async (options: object) => {
      counting.emit('begun')
      await once(counting, 'allowed')
      return count(options)
    }
  }))
  const preview = app.telemetry.preview()
  await once(counting, 'begun')
  const closing = app.close()
  // Long enough for a stop that does not wait.
  await Promise.race([closing, timers.setTimeout(500)])
  counting.emit('allowed')
  assert.equal(JSON.parse(await preview).platform.counts.teams, 0)
  await closing
})

test('a host may register telemetry before its decorators, or without any', async (t) => {
  const log = new PlatformLog()
  const app = fastify({ logger: { stream: log } })
  t.after(() => app.close())
  await app.register(telemetry)
  app.decorate('config', { version: '1.0.0', driver: { type: 'stub' } } as never)
  await app.ready()
  const { level, msg } = await log.find(/^Telemetry is off/)
  assert.equal(level, WARN)
  assert.match(msg, /lacks app\.settings\.get and app\.db\.sequelize and/)
  assert.equal(log.atLeast(WARN).length, 1)
})

test('a host that registers telemetry twice starts, with one warning and one schedule', async (t) => {
  const log = new PlatformLog()
  const app = fastify({ logger: { stream: log } })
  t.after(() => app.close())
  await app.register(telemetry)
  await app.register(telemetry)
  await app.ready()
  await log.find(/^Telemetry is off: the platform/)
  assert.equal(log.lines.filter(({ msg }) => /decorated already/.test(msg)).length, 1)
})
