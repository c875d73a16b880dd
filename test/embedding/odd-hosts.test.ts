import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DatabaseAddress } from '../../src/database/open.js'
import { BOOT_MS } from '../helpers/follow-ping.js'
import { holdTable } from '../helpers/hold-table.js'
import { startListener } from '../helpers/listener.js'
import { WARN } from '../helpers/platform.js'
import { startPostgres } from '../helpers/postgres.js'
import { embed } from './host.js'

const NOWHERE = 'http://127.0.0.1:1/'
const MEMORY: DatabaseAddress = { type: 'sqlite', storage: ':memory:' }

describe('a host', () => {
  const lacks: [what: string, change: Parameters<typeof embed>[3], missing: string][] = [
    ['settings.get', () => ({ settings: {} }), 'app.settings.get'],
    ['all its settings', () => ({ settings: undefined }), 'app.settings.get'],
    ['a model', ({ db }) => ({ db: { ...db, models: { ...db.models, Team: undefined } } }), 'app.db.models.Team'],
    ['its database', () => ({ db: {} }),
      'app.db.sequelize and app.db.models.User and app.db.models.Team and app.db.models.Project'],
    ['its version', () => ({ config: { driver: { type: 'stub' }, telemetry: { url: NOWHERE } } }), 'app.config.version'],
    ['all its configuration', () => ({ config: null }), 'app.config.version and app.config.driver.type'],
    ['an instanceId', () => ({ settings: { get: (key: string) => key !== 'instanceId' } }), 'the setting instanceId, a random UUID']
  ]
  for (const [what, change, missing] of lacks) {
    test(`that lacks ${what} starts with one warning, and telemetry stays off`, async (t) => {
      const { app, log } = await embed(t, MEMORY, NOWHERE, change)
      await app.ready()
      const { level, msg } = await log.find(/^Telemetry is/)
      assert.equal(level, WARN)
      assert.equal(msg, `Telemetry is off: the platform it is embedded in lacks ${missing}.`)
      assert.equal((await app.telemetry.consent()).decidedBy, 'host')
      await assert.rejects(app.telemetry.send(), { code: 'telemetry_off' })
      assert.deepEqual(await app.telemetry.pings(), [])
      await app.close()
      assert.equal(log.atLeast(WARN).length, 1)
    })
  }

  test('that lacks something is not warned if the operator refuses anyway', async (t) => {
    const { app, log } = await embed(t, MEMORY, NOWHERE, ({ config }) => (
      { config: { ...config, telemetry: { enabled: false } }, settings: {} }))
    await app.ready()
    assert.match((await log.find(/^Telemetry is/)).msg, /sets telemetry.enabled to false/)
    assert.equal(log.atLeast(WARN).length, 0)
  })

  test('that uses optional names for other things starts, too', async (t) => {
    const { app, log } = await embed(t, MEMORY, NOWHERE, ({ config, settings }) => ({
      config: { ...config, telemetry: false, locate: 'eu-west' }, settings: { ...settings, onChange: new Set() }
    }))
    await app.ready()
    assert.match((await log.find(/^Telemetry is/)).msg, /flowforge\.yml, sets telemetry to false/)
  })

  test('whose settings cannot be read starts with one warning', async (t) => {
    const { app, log } = await embed(t, MEMORY, NOWHERE, () => ({ settings: { get: async () => { throw new Error('not yet') } } }))
    await app.ready()
    await log.find(/^Telemetry is off while its settings cannot be read/)
    await assert.rejects(app.telemetry.send(), /not yet/)
    assert.equal(log.atLeast(WARN).length, 1)
  })

  for (const dialect of ['mariadb', 'mssql', 'mysql']) {
    test(`on ${dialect} starts with one warning, and telemetry stays off`, async (t) => {
      const foreign = { query: async () => { throw new Error('not asked') }, getDialect: () => dialect }
      const { app, log } = await embed(t, MEMORY, NOWHERE, ({ db }) => ({ db: { ...db, sequelize: foreign } }))
      await app.ready()
      const { level, msg } = await log.find(/^Telemetry is off/)
      assert.equal(level, WARN)
      assert.match(msg, new RegExp(`supports: SQLite or PostgreSQL, not ${dialect}`))
      await assert.rejects(app.telemetry.send(), { code: 'telemetry_off' })
      await assert.rejects(app.telemetry.preview(), { code: 'telemetry_off' })
      assert.deepEqual(await app.telemetry.pings(), [])
    })
  }

  test('whose database fails keeps running with one warning, and telemetry recovers with it', async (t) => {
    const listener = await startListener(t)
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const { app, log, sequelize } = await embed(t, MEMORY, listener.url)
    app.get('/', async () => 'served')
    await app.ready()
    await log.find(/^Telemetry is on/)
    await sequelize.query('ALTER TABLE applications RENAME TO away')
    t.mock.timers.tick(BOOT_MS)
    await log.find(/^Telemetry could not be sent/)
    await assert.rejects(app.telemetry.preview(), /applications/)
    assert.equal((await app.inject('/')).body, 'served')
    assert.equal(log.atLeast(WARN).length, 1)
    await sequelize.query('ALTER TABLE away RENAME TO applications')
    assert.equal((await app.telemetry.send()).outcome, 'delivered')
    await log.find(/^Telemetry was sent/)
    assert.equal(listener.requests.length, 1)
  })

  test('whose version is not valid in a ping sends nothing', async (t) => {
    const { app } = await embed(t, MEMORY, NOWHERE, ({ config }) => ({ config: { ...config, version: '' } }))
    await app.ready()
    await assert.rejects(app.telemetry.send(), { code: 'invalid_ping', message: /env\/flowforge/ })
  })

  for (const [how, broken] of [['get', ['get']], ['refresh', ['refresh']], ['get and refresh', ['get', 'refresh']]] as const) {
    test(`whose ${how} throws for an unknown setting sends the properties of version 1`, async (t) => {
      const listener = await startListener(t)
      const { app, log } = await embed(t, MEMORY, listener.url, ({ settings: { get } }) => {
        const strict = (key: string) => {
          if (get(key) === undefined) throw new Error(`there is no setting ${key}`)
          return get(key)
        }
        return { settings: { get, ...Object.fromEntries(broken.map((name) => [name, strict])) } }
      })
      await app.ready()
      await log.find(/^Telemetry is on/)
      assert.deepEqual(await app.telemetry.newProperties(), [])
      assert.equal((await app.telemetry.send()).outcome, 'delivered')
      assert.equal(log.atLeast(WARN).length, 0)
    })
  }

  test('is not asked for settings before it is ready', async (t) => {
    let ready = false
    const { app, log } = await embed(t, MEMORY, NOWHERE, ({ settings }) => ({
      settings: {
        get (key: string) {
          assert.ok(ready, `${key} was read too early`)
          return settings.get(key)
        }
      }
    }))
    ready = true
    await app.ready()
    await log.find(/^Telemetry is on/)
  })

  test('may run its close hooks twice', async (t) => {
    const { app } = await embed(t, MEMORY, NOWHERE)
    await app.ready()
    await Promise.all([app.close(), app.close()])
    await app.close()
  })

  test('that stops while its database does not answer waits only two seconds for telemetry', async (t) => {
    const postgres = await startPostgres()
    t.after(() => postgres.stop())
    const address = await postgres.createDatabase()
    const { app } = await embed(t, address, NOWHERE)
    await app.ready()
    const { reached, release } = await holdTable(address, 'applications')
    // The count itself is given up only after five seconds.
    const sending = app.telemetry.send().catch(() => 'given up')
    await reached()
    assert.equal(await Promise.race([sending, app.close().then(() => 'stopped')]), 'stopped')
    await release()
    await sending
  })

  test('does not get telemetry\'s models among its own', async (t) => {
    const { sequelize } = await embed(t, MEMORY, NOWHERE)
    assert.deepEqual(Object.keys(sequelize.models), ['User', 'Team', 'Project'])
  })
})
