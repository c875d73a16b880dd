import assert from 'node:assert/strict'
import { QueryTypes, type Sequelize } from 'sequelize'
import { openDatabase } from '../../src/database/open.js'
import type { PostgresAddress } from './postgres.js'

/** The real timer. PostgreSQL does not notify of sessions waiting for a lock, so poll at an interval. */
const { setTimeout } = globalThis
const LOOK_MS = 20
const MOST_LOOKS = 3_000

export interface Hold {
  /** Resolves when a session waits for the table. */
  reached: () => Promise<void>
  release: () => Promise<void>
}

/** Locks a table of a PostgreSQL, so that other sessions wait for it, as with a slow database. */
export async function holdTable (address: PostgresAddress, table: string): Promise<Hold> {
  const sequelize = await openDatabase(address)
  const transaction = await sequelize.transaction()
  await sequelize.query(`LOCK TABLE "${table}"`, { transaction })
  return {
    async reached () {
      for (let looks = 0; await countWaiting(sequelize, table) === 0; looks++) {
        assert.ok(looks < MOST_LOOKS, `no session waited for the table ${table}`)
        await new Promise((resolve) => { setTimeout(resolve, LOOK_MS) })
      }
    },
    async release () {
      await transaction.rollback()
      await sequelize.close()
    }
  }
}

async function countWaiting (sequelize: Sequelize, table: string): Promise<number> {
  const rows = await sequelize.query(
    'SELECT 1 FROM pg_locks WHERE NOT granted AND relation = to_regclass($table) ' +
    'AND database = (SELECT oid FROM pg_database WHERE datname = current_database())',
    { bind: { table: `"${table}"` }, type: QueryTypes.SELECT })
  return rows.length
}
