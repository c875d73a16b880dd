/**
 * An example platform with FlowForge's telemetry. Run it together with a collector:
 *
 *     npm run collector          in one terminal
 *     node examples/embed.js     in another, after npm run build
 */
import sqlite3 from '@appthreat/sqlite3'
import { fastify } from 'fastify'
import fp from 'fastify-plugin'
import telemetry from 'flowforge/telemetry'
import { DataTypes, Sequelize } from 'sequelize'

const app = fastify()

// 1. The configuration: the release, the driver, and the `telemetry` section of the operator's file.
await app.register(fp(async (app) => {
  app.decorate('config', {
    version: '1.0.0',
    driver: { type: 'localfs' },
    telemetry: { enabled: true, url: process.env.TELEMETRY_URL ?? 'http://127.0.0.1:8080/' }
  })
}, { name: 'app.config' }))

// 2. The settings. A real platform reads them from its database; `instanceId` is made once per installation.
await app.register(fp(async (app) => {
  const settings = new Map([
    ['instanceId', crypto.randomUUID()],
    ['setup:initialised', true],
    ['telemetry:enabled', true]
  ])
  app.decorate('settings', { get: (key) => settings.get(key) })
}, { name: 'app.settings' }))

// 3. The counted data: three models of any layout, on SQLite or PostgreSQL.
await app.register(fp(async (app) => {
  const sequelize = new Sequelize({ dialect: 'sqlite', dialectModule: sqlite3, storage: ':memory:', logging: false })
  const models = {
    User: sequelize.define('User', { email: DataTypes.STRING }, { paranoid: true }),
    Team: sequelize.define('Team', { title: DataTypes.STRING }),
    Project: sequelize.define('Project', { slug: DataTypes.STRING }, { tableName: 'applications' })
  }
  await sequelize.sync()
  await models.User.bulkCreate([{ email: 'a@example.com' }, { email: 'b@example.com' }])
  app.decorate('db', { sequelize, models })
  app.addHook('onClose', () => sequelize.close())
}, { name: 'app.db' }))

// 4. That is all. Pings are now sent 30 seconds after the start, and once a day.
await app.register(telemetry)
await app.ready()

const { explanation } = await app.telemetry.consent()
console.log(explanation)
console.log('A ping sent now is exactly:', await app.telemetry.preview())
const { outcome, receipt, error } = await app.telemetry.send()
console.log(`It was ${outcome}.`, receipt ?? error)
await app.close()
