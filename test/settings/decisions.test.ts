import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { QueryTypes } from 'sequelize'
import { openDatabase } from '../../src/database/open.js'
import { ACCOUNT, Client, setUp } from '../helpers/client.js'
import { describeOnBoth } from '../helpers/databases.js'
import { startListener } from '../helpers/listener.js'
import { buildPlatform, temporaryDirectory } from '../helpers/platform.js'
import { until } from '../helpers/within.js'

const CHANGE = { method: 'PUT', url: '/api/v1/settings' } as const

describeOnBoth('decisions on telemetry', (create) => {
  test('are recorded with who, when and in which way, and each is a line in the log, without a name', async (t) => {
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

  test('are written together with their record, or not at all', async (t) => {
    const db = await create()
    const { app } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:9' }, config: { db } })
    await app.db.sequelize.query('ALTER TABLE "TelemetryDecisions" RENAME TO "Away"')
    await assert.rejects(app.decisions.decide({ enabled: true, way: 'API', who: 'ada' }))
    assert.equal(await app.db.models.PlatformSetting.count({ where: { key: 'telemetry:enabled' } }), 0)
  })

  test('a no that cannot be written holds at once, says so, and is written as soon as that works', async (t) => {
    const db = await create()
    const listener = await startListener(t, () => { /* never answers */ })
    const { app, log } = await buildPlatform(t, { telemetry: { url: listener.url }, config: { db }, initialised: false })
    const client = await setUp(app)
    const sending = app.telemetry.send()
    await listener.next()
    await app.db.sequelize.query('ALTER TABLE "TelemetryDecisions" RENAME TO "Away"')

    const response = await client.request({ ...CHANGE, payload: { 'telemetry:enabled': false } })
    assert.deepEqual([response.statusCode, response.json().code], [503, 'decision_not_saved'])
    assert.match(response.json().error, /does not survive a restart yet/)
    assert.equal((await sending).outcome, 'cancelled')
    assert.equal((await app.telemetry.consent()).decidedBy, 'administrator')
    await assert.rejects(app.telemetry.send(), { code: 'telemetry_off' })
    const stored = () => app.db.sequelize.query<{ value: string }>(
      'SELECT value FROM "PlatformSettings" WHERE key = \'telemetry:enabled\'', { type: QueryTypes.SELECT })
    assert.deepEqual(await stored(), [{ value: 'true' }])

    await app.db.sequelize.query('ALTER TABLE "Away" RENAME TO "TelemetryDecisions"')
    await until('the no is in the database', async () => (await stored())[0]!.value === 'false')
    assert.equal((await app.telemetry.consent()).allowed, false)
    assert.ok(log.lines.some(({ msg }) => /could not save that/.test(msg)))
    assert.equal(listener.requests.length, 1)
  })

  test('a yes that follows a held no is the last word', async (t) => {
    const db = await create()
    const { app } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:9' }, config: { db } })
    await app.db.sequelize.query('ALTER TABLE "TelemetryDecisions" RENAME TO "Away"')
    await assert.rejects(app.decisions.decide({ enabled: false, way: 'API', who: 'ada' }), { code: 'decision_not_saved' })
    await assert.rejects(app.decisions.decide({ enabled: true, way: 'API', who: 'ada' }))
    assert.equal((await app.telemetry.consent()).allowed, false)
    await app.db.sequelize.query('ALTER TABLE "Away" RENAME TO "TelemetryDecisions"')
    await app.decisions.decide({ enabled: true, way: 'API', who: 'ada' })
    assert.equal((await app.telemetry.consent()).allowed, true)
  })
})

describe('a no beside a yes', () => {
  test('holds although the yes before it is written after it was said, and it cannot be written itself', async (t) => {
    const { app } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:9' } })
    const { TelemetryDecision } = app.db.models
    const create = TelemetryDecision.create.bind(TelemetryDecision)
    t.mock.method(TelemetryDecision, 'create', (values: { enabled: boolean }, options: object) => (
      values.enabled ? create(values as never, options) : Promise.reject(new Error('disk full'))))
    const yes = app.decisions.decide({ enabled: true, way: 'API', who: 'ada' })
    const no = app.decisions.decide({ enabled: false, way: 'API', who: 'ada' })
    await yes
    await assert.rejects(no, { code: 'decision_not_saved' })
    assert.equal((await app.telemetry.consent()).allowed, false)
  })

  test('is still written after a yes that could not be', async (t) => {
    const { app } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:9' } })
    await app.db.sequelize.query('ALTER TABLE "TelemetryDecisions" RENAME TO "Away"')
    await assert.rejects(app.decisions.decide({ enabled: false, way: 'API', who: 'ada' }), { code: 'decision_not_saved' })
    await assert.rejects(app.decisions.decide({ enabled: true, way: 'API', who: 'bob' }))
    await app.db.sequelize.query('ALTER TABLE "Away" RENAME TO "TelemetryDecisions"')
    const listed = async () => (await app.decisions.list()).map(({ enabled, who }) => [enabled, who])
    await until('the no is recorded', async () => (await listed()).length > 0)
    assert.deepEqual(await listed(), [[false, 'ada']])
  })
})

describe('a no on SQLite', () => {
  test('is in a copy of the database file alone, taken while the platform runs', async (t) => {
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
