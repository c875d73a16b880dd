/** An example of a CommonJS platform on PostgreSQL that uses the installed package. */
const { fastify } = require('fastify')
const fp = require('fastify-plugin')
const { Sequelize } = require('sequelize')
const telemetry = require('flowforge/telemetry')

const settings = { instanceId: '5db51f99-c6fb-4340-9c19-78adce58cc1b', 'setup:initialised': true, 'telemetry:enabled': true }

async function main () {
  const app = fastify()
  const sequelize = new Sequelize(process.env.DATABASE_URL, { logging: false })
  const models = { User: sequelize.define('User', {}), Team: sequelize.define('Team', {}), Project: sequelize.define('Project', {}) }
  await sequelize.sync()
  const decorators = {
    config: { version: '1.0.0', driver: { type: 'stub' }, telemetry: { url: process.env.TELEMETRY_URL } },
    settings: { get: (key) => settings[key] },
    db: { sequelize, models }
  }
  for (const [name, value] of Object.entries(decorators)) {
    await app.register(fp(async (app) => { app.decorate(name, value) }, { name: `app.${name}` }))
  }
  await app.register(telemetry)
  await app.ready()
  const { outcome } = await app.telemetry.send()
  await app.close()
  await sequelize.close()
  console.log(outcome)
}

module.exports = main()
