import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { QueryTypes, type Sequelize } from 'sequelize'
import { openDatabase, type DatabaseAddress } from '../../src/database/open.js'
import { closeDatabase, withTransaction } from '../../src/database/transaction.js'
import { describeOnBoth } from '../helpers/databases.js'
import { within } from '../helpers/within.js'

interface Connections {
  connectionManager: { connections?: object, pool: { using: number } }
}

const CLOSE_MS = 10_000

/** Makes the commit fail, by a reference to a missing row. */
const INSERT_ORPHAN = 'INSERT INTO "Things" (id, parent) VALUES (1, 7)'

/** Makes a later rollback fail. */
const TAKE_BACK: Record<string, string> = {
  sqlite: 'ROLLBACK',
  postgres: 'SELECT pg_terminate_backend(pg_backend_pid())'
}

describeOnBoth('a transaction', (create) => {
  test('that has just begun is committed before its database is closed', async (t) => {
    const address = await create()
    const db = await openDatabase(address)
    await db.query('CREATE TABLE "Numbers" (id INTEGER)')
    const written = withTransaction(db, (transaction) => db.query('INSERT INTO "Numbers" VALUES (7)', { transaction }))
    await within('closing the database', closeDatabase(db), CLOSE_MS)
    await written
    const again = await openDatabase(address)
    t.after(() => again.close())
    assert.deepEqual(await again.query('SELECT id FROM "Numbers"', { type: QueryTypes.SELECT }), [{ id: 7 }])
  })

  const cases: [title: string, last: (dialect: string) => string, error: RegExp][] = [
    ['whose commit fails', () => 'SELECT 1', /foreign key/i],
    ['whose rollback fails', (dialect) => TAKE_BACK[dialect]!, /failed before its end|terminating connection/]
  ]
  for (const [title, last, expected] of cases) {
    test(`${title} throws the error, and leaks no row, connection or output on standard error`, async (t) => {
      const db = await openThings(t, await create())
      const written = t.mock.method(process.stderr, 'write')
      await assert.rejects(withTransaction(db, async (transaction) => {
        await db.query(INSERT_ORPHAN, { transaction })
        await db.query(last(db.getDialect()), { transaction })
        if (title.includes('rollback')) throw new Error('failed before its end')
      }), expected)
      assert.deepEqual(await db.query('SELECT id FROM "Things"', { type: QueryTypes.SELECT }), [])
      assert.deepEqual(written.mock.calls.map(({ arguments: [text] }) => text), [])
      assert.equal(countConnections(db), 0)
    })
  }
})

async function openThings (t: TestContext, address: DatabaseAddress): Promise<Sequelize> {
  const db = await openDatabase(address)
  t.after(() => db.close())
  await db.query(`CREATE TABLE "Things" (
    id INTEGER PRIMARY KEY, parent INTEGER REFERENCES "Things" (id) DEFERRABLE INITIALLY DEFERRED)`)
  return db
}

/** Connections of transactions; a SQLite file has one more for everything else. */
function countConnections (db: Sequelize): number {
  const { connections, pool } = (db as Sequelize & Connections).connectionManager
  return connections ? Object.keys(connections).length - 1 : pool.using
}
