import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeOnBoth } from '../helpers/databases.js'
import { BOOT_MS } from '../helpers/follow-ping.js'
import { startListener } from '../helpers/listener.js'
import { embed, INSTANCE } from './host.js'

describeOnBoth('telemetry in another platform', (create) => {
  test('counts its models, whatever their layout, without soft-deleted rows', async (t) => {
    const listener = await startListener(t)
    const { app, models } = await embed(t, await create(), listener.url)
    await models.User.bulkCreate([{}, {}, {}])
    const [team] = await models.Team.bulkCreate([{ label: 'one' }, { label: 'two' }], { returning: true })
    await team!.destroy()
    await models.Project.create({ slug: 'shop' })
    await app.ready()
    const ping = await app.telemetry.send()
    assert.equal(ping.outcome, 'delivered')
    const { instanceId, env, platform } = JSON.parse((await listener.next()).body)
    assert.equal(instanceId, INSTANCE)
    assert.equal(env.flowforge, '9.8.7')
    assert.deepEqual(platform, { counts: { users: 3, teams: 1, projects: 1 }, config: { driver: 'docker' } })
  })

  test('creates its own tables regardless of the options and hooks of the host\'s models', async (t) => {
    const listener = await startListener(t)
    const { app, sequelize } = await embed(t, await create(), listener.url, undefined, {
      omitNull: true,
      define: {
        underscored: true,
        timestamps: true,
        paranoid: true,
        version: true,
        schema: 'public',
        defaultScope: { where: { tenant: 1 } },
        hooks: { beforeCreate: () => { throw new Error('not for telemetry') } }
      }
    })
    await app.ready()
    assert.equal((await app.telemetry.send()).outcome, 'delivered')
    await sequelize.sync({ force: true })
    const [ping] = await app.telemetry.pings()
    assert.equal(ping!.outcome, 'delivered')
  })

  test('sends the boot ping, and notices an opt-out at the next attempt', async (t) => {
    const listener = await startListener(t)
    t.mock.timers.enable({ apis: ['setTimeout'] })
    let enabled = true
    const { app, log } = await embed(t, await create(), listener.url, ({ settings }) => ({
      settings: {
        get: () => { throw new Error('this host answers from memory') },
        refresh: async (key: string) => key === 'telemetry:enabled' ? enabled : settings.get(key)
      }
    }))
    await app.ready()
    t.mock.timers.tick(BOOT_MS)
    await listener.next()
    await log.find(/^Telemetry was sent/)
    enabled = false
    await assert.rejects(app.telemetry.send(), { code: 'telemetry_off' })
    assert.equal(listener.requests.length, 1)
  })
})
