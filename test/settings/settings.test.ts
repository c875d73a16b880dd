import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { defineModels } from '../../src/db/models.js'
import { migrations } from '../../src/db/migrations.js'
import { migrate } from '../../src/database/migrate.js'
import { openDatabase, type DatabaseAddress } from '../../src/database/open.js'
import { openSettings } from '../../src/settings/settings.js'
import { describeOnBoth } from '../helpers/databases.js'

async function openModel (t: TestContext, address: DatabaseAddress) {
  const sequelize = await openDatabase(address)
  t.after(() => sequelize.close())
  await migrate(sequelize, 'PlatformMigrations', migrations)
  return defineModels(sequelize).PlatformSetting
}

/** The settings as one replica sees them. */
async function openReplica (t: TestContext, address: DatabaseAddress) {
  const PlatformSetting = await openModel(t, address)
  return { settings: await openSettings(PlatformSetting), PlatformSetting }
}

describeOnBoth('settings', (create) => {
  test('begin with telemetry allowed and the setup unfinished', async (t) => {
    const { settings } = await openReplica(t, await create())
    assert.equal(settings.get('telemetry:enabled'), true)
    assert.equal(settings.get('setup:initialised'), false)
  })

  test('create the instanceId once, also when replicas start together, and keep it', async (t) => {
    const address = await create()
    const models = [await openModel(t, address), await openModel(t, address), await openModel(t, address)]
    const together = await Promise.all(models.map(openSettings))
    const later = await openReplica(t, address)
    const ids = [...together, later.settings].map((settings) => settings.get('instanceId'))
    assert.equal(new Set(ids).size, 1)
    assert.match(ids[0]!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  test('set by one replica are seen by another when it refreshes', async (t) => {
    const address = await create()
    const { settings } = await openReplica(t, address)
    const { settings: other } = await openReplica(t, address)
    await other.set('telemetry:enabled', false)
    assert.equal(settings.get('telemetry:enabled'), true)
    assert.equal(await settings.refresh('telemetry:enabled'), false)
    assert.equal(settings.get('telemetry:enabled'), false)
  })

  test('reject an unknown key and a value of the wrong type without saving', async (t) => {
    const { settings, PlatformSetting } = await openReplica(t, await create())
    await assert.rejects(settings.set('telemetry:enabled', 'false' as never), { code: 'invalid_setting' })
    await assert.rejects(settings.set('telemetry' as never, true as never), { code: 'invalid_setting' })
    assert.throws(() => settings.get('toString' as never), { code: 'invalid_setting' })
    assert.equal(await PlatformSetting.count({ where: { key: ['telemetry:enabled', 'telemetry'] } }), 0)
  })

  test('that cannot be read count as neither true nor false', async (t) => {
    const { settings, PlatformSetting } = await openReplica(t, await create())
    for (const value of ['no', '"true"', '1', '']) {
      await PlatformSetting.upsert({ key: 'telemetry:enabled', value })
      assert.equal(await settings.refresh('telemetry:enabled'), null)
    }
  })

  test('notify their listeners of a change', async (t) => {
    const { settings } = await openReplica(t, await create())
    const heard: unknown[] = []
    settings.onChange((key, value) => { heard.push([key, value]) })
    await settings.set('telemetry:enabled', false)
    assert.deepEqual(heard, [['telemetry:enabled', false]])
  })

  test('to be set once are set by one of several concurrent callers', async (t) => {
    const { settings, PlatformSetting } = await openReplica(t, await create())
    const other = await openSettings(PlatformSetting)
    const won = await Promise.all([settings.setOnce('setup:administrator', 1), other.setOnce('setup:administrator', 2)])
    assert.deepEqual(won.sort(), [false, true])
  })
})
