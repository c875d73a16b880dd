import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import timers from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { QueryTypes } from 'sequelize'
import { openDatabase } from '../../src/database/open.js'
import { ACCOUNT, Client, setUp } from '../helpers/client.js'
import { away, noRoom } from '../helpers/database-faults.js'
import { describeOnBoth } from '../helpers/databases.js'
import { startListener } from '../helpers/listener.js'
import { buildPlatform, temporaryDirectory } from '../helpers/platform.js'
import { until } from '../helpers/within.js'

/** Makes the database refuse only changes of the setting. */
function refusesSetting (app: FastifyInstance) {
  const { sequelize } = app.db
  const onPostgres = noRoom(`TRIGGER refuse BEFORE INSERT OR UPDATE ON "PlatformSettings" FOR EACH ROW
    WHEN (NEW.key = 'telemetry:enabled')`, 'trigger')
  const onSqlite = {
    strike: () => sequelize.query(`CREATE TRIGGER refuse BEFORE INSERT ON PlatformSettings
      WHEN NEW.key = 'telemetry:enabled' BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`),
    mend: () => sequelize.query('DROP TRIGGER refuse')
  }
  const { strike, mend } = sequelize.getDialect() === 'postgres' ? onPostgres : onSqlite
  return { strike: () => strike(sequelize), mend: () => mend(sequelize) }
}

/** The setting in the database. */
async function stored ({ db }: FastifyInstance): Promise<string | undefined> {
  return (await db.models.PlatformSetting.findByPk('telemetry:enabled'))?.value
}

const CHANGE = { method: 'PUT', url: '/api/v1/settings' } as const

describeOnBoth('decisions on telemetry', (create) => {
  test('are recorded with who, when and in which way, and logged without a name', async (t) => {
    const db = await create()
    const { app, log } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:9' }, config: { db }, initialised: false })
    const client = await setUp(app, false)
    await client.request({ ...CHANGE, payload: { 'telemetry:enabled': true } })
    const page = '/admin/settings/telemetry'
    await client.postForm(page, { 'telemetry:enabled': 'false', _csrf: await client.csrfToken(page) })
    const listed = (await client.request({ url: '/api/v1/telemetry/decisions' })).json()
    assert.deepEqual(listed.map(({ enabled, way, who, schemaVersion }: Record<string, unknown>) => [enabled, way, who, schemaVersion]), [
      [false, 'page', 'ada', 1], [true, 'API', 'ada', 1], [false, 'wizard', 'ada', 1]
    ])
    for (const { decidedAt } of listed) assert.ok(Math.abs(Date.parse(decidedAt) - Date.now()) < 60_000)
    assert.deepEqual(log.lines.map(({ msg }) => msg).filter((msg) => msg.startsWith('Telemetry was turned')), [
      'Telemetry was turned off (wizard).', 'Telemetry was turned on (API).', 'Telemetry was turned off (page).'
    ])
  })

  test('that cannot be saved are not recorded', async (t) => {
    const db = await create()
    const { app } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:9' }, config: { db } })
    await refusesSetting(app).strike()
    await assert.rejects(app.decisions.decide({ enabled: true, way: 'API', who: 'ada' }))
    assert.deepEqual([await app.db.models.TelemetryDecision.count(), app.decisions.unwritten], [0, undefined])
  })

  test('opting out without a working record is saved, and recorded later; opting in is refused', async (t) => {
    const db = await create()
    const { app, log } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:9' }, config: { db }, initialised: false })
    const client = await setUp(app)
    const { strike, mend } = away('TelemetryDecisions')
    await strike(app.db.sequelize)
    for (const [enabled, status] of [[false, 200], [true, 503], [false, 200]] as const) {
      const response = await client.request({ ...CHANGE, payload: { 'telemetry:enabled': enabled } })
      assert.equal(response.statusCode, status)
      assert.equal(await stored(app), 'false')
      assert.equal((await app.telemetry.consent()).allowed, false)
    }
    await client.post('/api/v1/telemetry/new-id')
    assert.equal(app.decisions.unwritten, 'record')
    assert.equal((await app.decisions.last())?.enabled, false)
    assert.equal(log.lines.filter(({ msg }) => /could not record who decided/.test(msg)).length, 2)
    await mend(app.db.sequelize)
    await until('all is recorded', () => !app.decisions.unwritten)
    assert.deepEqual((await app.decisions.list()).map(({ action, enabled, who }) => [action, enabled, who]), [
      ['new id', false, 'ada'], ['decide', false, 'ada'], ['decide', false, 'ada'], ['decide', true, 'ada']
    ])
  })

  test('opting out that cannot be saved holds at once, is reported, and is saved later', async (t) => {
    const db = await create()
    const listener = await startListener(t, () => { /* never answers */ })
    const { app, log } = await buildPlatform(t, { telemetry: { url: listener.url }, config: { db }, initialised: false })
    const client = await setUp(app)
    const sending = app.telemetry.send()
    await listener.next()
    const { strike, mend } = refusesSetting(app)
    await strike()

    const response = await client.request({ ...CHANGE, payload: { 'telemetry:enabled': false } })
    assert.deepEqual([response.statusCode, response.json().code], [503, 'decision_not_saved'])
    assert.match(response.json().error, /does not survive a restart yet/)
    assert.equal((await sending).outcome, 'cancelled')
    assert.equal((await app.telemetry.consent()).decidedBy, 'administrator')
    await assert.rejects(app.telemetry.send(), { code: 'telemetry_off' })
    assert.equal(await stored(app), 'true')
    const { body } = await client.get('/admin/settings/telemetry')
    assert.match(body, /role="alert">Telemetry is off in this process, but the database could not save that/)
    assert.match(body, /Turned off by <strong>ada<\/strong>\s+through the API/)

    await mend()
    await until('the no is in the database', async () => await stored(app) === 'false')
    assert.equal((await app.telemetry.consent()).allowed, false)
    await until('nothing is left to write', () => !app.decisions.unwritten)
    assert.ok(log.lines.some(({ msg }) => /could not save that/.test(msg)))
    assert.equal(listener.requests.length, 1)
  })

  test('opting in after an unsaved opt-out replaces it', async (t) => {
    const db = await create()
    const { app } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:9' }, config: { db } })
    const { strike, mend } = refusesSetting(app)
    await strike()
    await assert.rejects(app.decisions.decide({ enabled: false, way: 'API', who: 'ada' }), { code: 'decision_not_saved' })
    await assert.rejects(app.decisions.decide({ enabled: true, way: 'API', who: 'ada' }))
    assert.equal((await app.telemetry.consent()).allowed, false)
    await mend()
    await app.decisions.decide({ enabled: true, way: 'API', who: 'ada' })
    assert.equal((await app.telemetry.consent()).allowed, true)
  })
}, { concurrency: true })

test('an opt-out whose writing fails during a stop is not written after it', async (t) => {
  const { app } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:9' } })
  const upsert = t.mock.method(app.db.models.PlatformSetting, 'upsert', () => Promise.reject(new Error('disk full')))
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const decided = assert.rejects(app.decisions.decide({ enabled: false, way: 'API', who: 'ada' }), { code: 'decision_not_saved' })
  await app.decisions.close()
  await decided
  t.mock.timers.tick(60_000)
  // Waits for what is being written.
  await app.decisions.close()
  assert.equal(upsert.mock.callCount(), 1)
  t.mock.timers.reset()
})

describe('an opt-out concurrent with another decision', { concurrency: true }, () => {
  test('holds even if an earlier opt-in is saved later and the opt-out cannot be saved', async (t) => {
    const { app } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:9' } })
    const { PlatformSetting } = app.db.models
    const upsert = PlatformSetting.upsert.bind(PlatformSetting)
    t.mock.method(PlatformSetting, 'upsert', (values: { value: string }, options: object) => (
      values.value === 'false' ? Promise.reject(new Error('disk full')) : upsert(values as never, options)))
    const yes = app.decisions.decide({ enabled: true, way: 'API', who: 'ada' })
    const no = app.decisions.decide({ enabled: false, way: 'API', who: 'ada' })
    await yes
    await assert.rejects(no, { code: 'decision_not_saved' })
    assert.equal((await app.telemetry.consent()).allowed, false)
  })

  for (const enabled of [true, false]) {
    test(`is not saved after an ${enabled ? 'opt-in' : 'opt-out'} made while its retry waited`, async (t) => {
      const { app } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:9' } })
      const { PlatformSetting } = app.db.models
      const upsert = PlatformSetting.upsert.bind(PlatformSetting)
      let writes = 0
      let fail = () => {}
      let goOn = () => {}
      const slow = new Promise<void>((resolve, reject) => { [goOn, fail] = [resolve, () => { reject(new Error('disk full')) }] })
      t.mock.method(PlatformSetting, 'upsert', async (values: object, options: object) => {
        if (++writes === 1) throw new Error('disk full')
        if (writes === 2) await slow
        return upsert(values as never, options)
      })
      await assert.rejects(app.decisions.decide({ enabled: false, way: 'API', who: 'ada' }), { code: 'decision_not_saved' })
      const later = app.decisions.decide({ enabled, way: 'page', who: 'bob' })
      // There is no event for the retry, one second later, waiting for its turn.
      await timers.setTimeout(1_200)
      if (enabled) goOn()
      else fail()
      await (enabled ? later : assert.rejects(later, { code: 'decision_not_saved' }))
      await until('all is written', () => !app.decisions.unwritten)
      // This record is written after the retry has had its turn.
      await app.decisions.record({ action: 'new id', way: 'API', who: 'cy' })
      assert.equal((await app.telemetry.consent()).allowed, enabled)
      assert.deepEqual((await app.decisions.list()).map(({ who }) => who), ['cy', 'bob'])
    })
  }

  test('is still saved after an opt-in that could not be saved', async (t) => {
    const { app } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:9' } })
    const { strike, mend } = refusesSetting(app)
    await strike()
    await assert.rejects(app.decisions.decide({ enabled: false, way: 'API', who: 'ada' }), { code: 'decision_not_saved' })
    await assert.rejects(app.decisions.decide({ enabled: true, way: 'API', who: 'bob' }))
    await mend()
    await until('the no is recorded', () => !app.decisions.unwritten)
    assert.deepEqual((await app.decisions.list()).map(({ enabled, who }) => [enabled, who]), [[false, 'ada']])
  })
})

describe('an opt-out on SQLite', () => {
  test('is in a copy of only the database file, made while the platform runs', async (t) => {
    const { app, home } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:9' }, initialised: false })
    const client = new Client(app)
    const _csrf = await client.csrfToken()
    await client.post('/setup/create-user', { ...ACCOUNT, _csrf })
    assert.equal((await client.post('/setup/settings', { telemetry: false, _csrf })).statusCode, 200)
    const copy = join(temporaryDirectory(t), 'copy.db')
    copyFileSync(join(home, 'var', 'flowforge.db'), copy)
    const sequelize = await openDatabase({ type: 'sqlite', storage: copy })
    t.after(() => sequelize.close())
    assert.deepEqual(await sequelize.query(
      'SELECT value FROM "PlatformSettings" WHERE key = \'telemetry:enabled\'', { type: QueryTypes.SELECT }), [{ value: 'false' }])
  })
})
