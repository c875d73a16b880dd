import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { DataTypes, type QueryInterface } from 'sequelize'
import { migrate } from '../../src/lib/migrate.js'
import { openDatabase } from '../../src/lib/open-database.js'
import { startPostgres, type Postgres } from '../helpers/postgres.js'

describe('migrations on PostgreSQL', () => {
  let postgres: Postgres
  before(async () => { postgres = await startPostgres() })
  after(() => postgres.stop())

  test('five replicas that start at once run each migration once', async () => {
    const address = await postgres.createDatabase()
    const replicas = await Promise.all(Array.from({ length: 5 }, () => openDatabase(address)))
    let runs = 0
    const migrations = [{
      name: '01-create-things',
      async up (schema: QueryInterface) {
        runs++
        await schema.createTable('Things', { id: { type: DataTypes.INTEGER, primaryKey: true } })
        await schema.bulkInsert('Things', [{ id: 1 }])
      }
    }]
    await Promise.all(replicas.map((sequelize) => migrate(sequelize, 'ThingMigrations', migrations)))
    assert.equal(runs, 1)
    await Promise.all(replicas.map((sequelize) => sequelize.close()))
  })
})
