import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DataTypes, type QueryInterface, type Transaction } from 'sequelize'
import { createTable, migrate } from '../../src/database/migrate.js'
import { openDatabase } from '../../src/database/open.js'
import { describeOnBoth } from '../helpers/databases.js'

const createThings = (schema: QueryInterface, transaction: Transaction) => (
  createTable(schema, transaction, 'Things', { id: { type: DataTypes.INTEGER, primaryKey: true } }))

describeOnBoth('migrations', (create) => {
  test('run once when five replicas start concurrently', async () => {
    const address = await create()
    const replicas = await Promise.all(Array.from({ length: 5 }, () => openDatabase(address)))
    let runs = 0
    const up = async (schema: QueryInterface, transaction: Transaction) => {
      runs++
      await createThings(schema, transaction)
      await schema.bulkInsert('Things', [{ id: 1 }], { transaction })
    }
    await Promise.all(replicas.map((sequelize) => migrate(sequelize, 'ThingMigrations', [{ name: '01', up }])))
    assert.equal(runs, 1)
    await Promise.all(replicas.map((sequelize) => sequelize.close()))
  })

  test('that fail are rolled back, and run again the next time', async (t) => {
    const sequelize = await openDatabase(await create())
    t.after(() => sequelize.close())
    let broken = true
    const up = async (schema: QueryInterface, transaction: Transaction) => {
      await createThings(schema, transaction)
      if (broken) throw new Error('broken')
    }
    await assert.rejects(migrate(sequelize, 'ThingMigrations', [{ name: '01', up }]), /broken/)
    assert.deepEqual(await sequelize.getQueryInterface().showAllTables(), [])
    broken = false
    await migrate(sequelize, 'ThingMigrations', [{ name: '01', up }])
    assert.equal((await sequelize.getQueryInterface().showAllTables()).length, 2)
  })

  test('fail on a table of another program, and leave it unchanged', async (t) => {
    const sequelize = await openDatabase(await create())
    t.after(() => sequelize.close())
    await sequelize.query('CREATE TABLE "Things" (theirs INTEGER)')
    await assert.rejects(migrate(sequelize, 'ThingMigrations', [{ name: '01', up: createThings }]), /Things\W+already exists/)
    assert.deepEqual(Object.keys(await sequelize.getQueryInterface().describeTable('Things')), ['theirs'])
  })

  test('that are new run after those already applied', async (t) => {
    const sequelize = await openDatabase(await create())
    t.after(() => sequelize.close())
    const first = { name: '01', up: createThings }
    const second = {
      name: '02',
      up: (schema: QueryInterface, transaction: Transaction) => (
        schema.addColumn('Things', 'name', DataTypes.STRING, { transaction }))
    }
    await migrate(sequelize, 'ThingMigrations', [first])
    await migrate(sequelize, 'ThingMigrations', [first, second])
    assert.deepEqual(Object.keys(await sequelize.getQueryInterface().describeTable('Things')), ['id', 'name'])
  })
})
