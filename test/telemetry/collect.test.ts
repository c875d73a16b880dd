import assert from 'node:assert/strict'
import os from 'node:os'
import { test, type TestContext } from 'node:test'
import { DataTypes, type Model, type ModelAttributes, type ModelOptions } from 'sequelize'
import { openDatabase, type DatabaseAddress } from '../../src/database/open.js'
import { collectPing } from '../../src/telemetry/collect.js'
import type { Ping } from '../../src/telemetry/ping.js'
import { SCHEMA_VERSION } from '../../src/telemetry/types.js'
import { describeOnBoth } from '../helpers/databases.js'

const INSTANCE = '5db51f99-c6fb-4340-9c19-78adce58cc1b'

/** A host whose three models have the given attributes and options. */
async function openHost (t: TestContext, address: DatabaseAddress, attributes: ModelAttributes = {}, options: ModelOptions = {}) {
  const sequelize = await openDatabase(address)
  t.after(() => sequelize.close())
  const models = {
    User: sequelize.define<Model<{ name: string }>>('User', { name: DataTypes.STRING, ...attributes }, options),
    Team: sequelize.define<Model<{ name: string }>>('Team', { name: DataTypes.STRING, ...attributes }, options),
    Project: sequelize.define<Model<{ name: string }>>('Project', { name: DataTypes.STRING, ...attributes }, options)
  }
  await sequelize.sync()
  const host = {
    config: { version: '0.2.0', driver: { type: 'localfs' } },
    settings: { get: () => INSTANCE },
    db: { sequelize, models }
  }
  return { host, models }
}

const collect = async (host: Parameters<typeof collectPing>[0]) => (
  JSON.parse(await collectPing(host, SCHEMA_VERSION)) as Ping)

const names = (count: number) => Array.from({ length: count }, (_, n) => ({ name: `n${n}` }))

describeOnBoth('a collected ping', (create) => {
  test('has exactly the properties of the design, in that order', async (t) => {
    const { host, models } = await openHost(t, await create())
    await models.User.bulkCreate(names(3))
    await models.Team.bulkCreate(names(2))
    await models.Project.bulkCreate(names(1))
    assert.equal(await collectPing(host, SCHEMA_VERSION), JSON.stringify({
      instanceId: INSTANCE,
      os: { type: os.type(), release: os.release(), arch: os.arch() },
      env: { nodejs: process.version, flowforge: '0.2.0' },
      platform: { counts: { users: 3, teams: 2, projects: 1 }, config: { driver: 'localfs' } }
    }))
  })

  test('counts all three tables in one snapshot: rows written meanwhile are not counted', async (t) => {
    const address = await create()
    const { host, models } = await openHost(t, address)
    const other = await openHost(t, address)
    const { Team } = models
    const count = Team.count.bind(Team)
    t.mock.method(Team, 'unscoped', () => ({
      async count (options: object) {
        await other.models.Project.bulkCreate(names(5))
        return count(options)
      }
    }))
    assert.deepEqual((await collect(host)).platform.counts, { users: 0, teams: 0, projects: 0 })
    assert.equal(await models.Project.count(), 5)
  })

  test('counts rows that a default scope or a hook of the host would hide', async (t) => {
    const { host, models } = await openHost(t, await create(), {}, {
      defaultScope: { where: { name: 'nobody' } },
      hooks: { beforeCount: (options: { where?: object }) => { options.where = { name: 'nobody' } } }
    })
    await models.User.bulkCreate(names(3))
    assert.deepEqual((await collect(host)).platform.counts, { users: 3, teams: 0, projects: 0 })
  })

  test('does not count soft-deleted rows, whatever the column is called', async (t) => {
    const { host, models } = await openHost(t, await create(),
      { goneAt: { type: DataTypes.DATE, field: 'gone_at' } }, { paranoid: true, deletedAt: 'goneAt' })
    await models.User.bulkCreate(names(3))
    await models.User.destroy({ where: { name: 'n1' } })
    assert.deepEqual((await collect(host)).platform.counts, { users: 2, teams: 0, projects: 0 })
  })

  test('does not count rows that are soft-deleted by default settings', async (t) => {
    const { host, models } = await openHost(t, await create(), {}, { paranoid: true, underscored: true })
    await models.Team.bulkCreate(names(4))
    await models.Team.destroy({ where: { name: ['n1', 'n2'] } })
    assert.deepEqual((await collect(host)).platform.counts, { users: 0, teams: 2, projects: 0 })
  })

  for (const [type, driver] of [['k8s', 'k8s'], ['stub', 'stub'], ['acme-cloud', 'other'], ['Docker', 'other']] as const) {
    test(`reports ${driver} for the driver ${type}`, async (t) => {
      const { host } = await openHost(t, await create())
      host.config.driver.type = type
      assert.equal((await collect(host)).platform.config.driver, driver)
    })
  }
})
