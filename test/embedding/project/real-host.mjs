/**
 * A host that differs from ours as the real platform does: its own copy of Sequelize, settings that are reread without
 * being returned, no notification of changes, a frozen configuration with keys of other releases, decorators without
 * plugins, models with other columns, scopes, hooks and soft deletion, and migrations that treat a database with exactly
 * one table as new. It reads tasks and writes results as lines of JSON. Several hosts may run in one process, one for each
 * `open`; the log of each names it.
 */
import { createInterface } from 'node:readline'
import sqlite3 from '@appthreat/sqlite3'
import telemetry from '@flowforge/telemetry'
import { fastify } from 'fastify'
import sequelizePackage from 'sequelize'

const { DataTypes, Sequelize } = sequelizePackage
const tell = (message) => console.log(JSON.stringify({ told: message }))

function defineModels (sequelize) {
  const define = (name, columns, options) => sequelize.define(name, columns, options)
  return {
    User: define('User', { id: { type: DataTypes.UUID, primaryKey: true, defaultValue: DataTypes.UUIDV4 }, suspended: DataTypes.BOOLEAN },
      { defaultScope: { where: { suspended: true } }, hooks: { beforeCount: (options) => { options.where = { suspended: true } } } }),
    Team: define('Team', { label: DataTypes.STRING, goneAt: { type: DataTypes.DATE, field: 'gone_at' } }, { paranoid: true, deletedAt: 'goneAt' }),
    Project: define('Project', { slug: { type: DataTypes.STRING, primaryKey: true } }, { tableName: 'applications', timestamps: false }),
    Setting: define('PlatformSetting', { key: { type: DataTypes.STRING, primaryKey: true }, value: DataTypes.STRING })
  }
}

function createSettings (Setting) {
  const cache = new Map()
  return {
    get (key) {
      return cache.get(key)
    },
    set () {
      throw new Error('telemetry wrote a setting')
    },
    async refresh (key) {
      const row = await Setting.findByPk(key)
      if (row) cache.set(key, JSON.parse(row.value))
      else cache.delete(key)
    }
  }
}

/** Starts a host, not ready; returns its tasks. */
async function open (name, { database, config = {}, asOptions = false, dialect }) {
  const sequelize = new Sequelize({ logging: false, ...(database.dialect === 'sqlite' && { dialectModule: sqlite3 }), ...database })
  const models = defineModels(sequelize)
  // A database with exactly one table counts as new: that table is expected to be the host's first.
  const tables = await sequelize.getQueryInterface().showAllTables()
  if (tables.length === 1) throw new Error(`a new database, but it already has a table: ${tables}`)
  await sequelize.sync()
  // Present the database as one that telemetry does not support.
  if (dialect) sequelize.getDialect = () => dialect

  const app = fastify({ logger: { level: 'debug', base: { host: name } } })
  const host = {
    config: Object.freeze({
      version: '2.33.0', driver: Object.freeze({ type: 'k8s' }), ...config, telemetry: Object.freeze({ enabled: undefined, ...config.telemetry })
    }),
    settings: createSettings(models.Setting),
    db: { sequelize, models }
  }
  if (asOptions) {
    await app.register(telemetry, host)
  } else {
    await app.register(telemetry)
    for (const [name, value] of Object.entries(host)) app.decorate(name, value)
  }
  app.get('/', async () => 'served')
  return createTasks(app, host.db)
}

const createTasks = (app, { sequelize, models }) => ({
  async prepare () {
    await models.User.bulkCreate([{}, {}, { suspended: true }])
    const [team] = await models.Team.bulkCreate([{ label: 'one' }, { label: 'two' }], { returning: true })
    await models.Team.destroy({ where: { label: 'two' } })
    await models.Project.create({ slug: 'shop' })
    return team.label
  },
  set: (key, value) => models.Setting.upsert({ key, value: JSON.stringify(value) }),
  async start () {
    await app.ready()
    return (await app.inject('/')).body
  },
  consent: () => app.telemetry.consent(),
  preview: () => app.telemetry.preview(),
  send: () => app.telemetry.send(),
  async sendMany (count) {
    for (let sent = 0; sent < count; sent++) await app.telemetry.send()
  },
  // Logs the newest ping again and again, as if it had been sent as often.
  async copyPing (count) {
    const { id, ...columns } = await sequelize.getQueryInterface().describeTable('TelemetryPings')
    const names = Object.keys(columns).map((name) => `"${name}"`)
    const rows = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}), newest AS (
      SELECT * FROM "TelemetryPings" ORDER BY id DESC LIMIT 1)`
    await sequelize.query(`${rows} INSERT INTO "TelemetryPings" (${names}) SELECT ${names} FROM newest, n`)
  },
  pings: () => app.telemetry.pings(),
  tables: () => sequelize.getQueryInterface().showAllTables(),
  // A host's migrations see and drop only its own tables.
  async migrateAgain () {
    await sequelize.sync({ force: true })
    return Object.keys(sequelize.models)
  },
  close: once(async () => {
    await Promise.all([app.close(), app.close()])
    await sequelize.close()
  })
})

function once (act) {
  let acted
  return () => (acted ??= act())
}

const hosts = new Map()

/** Tasks run concurrently, as requests would; those before the end of `open` wait for it. The process ends after its input. */
createInterface({ input: process.stdin }).on('line', async (line) => {
  const [id, name, task, ...parameters] = JSON.parse(line)
  try {
    if (task === 'open') hosts.set(name, open(name, ...parameters))
    const tasks = await hosts.get(name)
    tell({ id, result: task === 'open' ? null : await tasks[task](...parameters) ?? null })
  } catch ({ name, code, message }) {
    tell({ id, error: { name, code, message } })
  }
})
