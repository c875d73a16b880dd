import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { QueryTypes, type Sequelize } from 'sequelize'
import type { Fault } from './meet-fault.js'
import type { PostgresAddress } from './postgres.js'
import { until } from './within.js'

export const away = (table: string): Fault => ({
  strike: (db) => db.query(`ALTER TABLE "${table}" RENAME TO "${table}Away"`),
  mend: (db) => db.query(`ALTER TABLE "${table}Away" RENAME TO "${table}"`)
})

type ServerFault = Record<'strike' | 'mend', (db: Sequelize, address: Pick<PostgresAddress, 'database'>) => Promise<unknown>>

/** Also ends every session of the platform, so that none continues unaffected. Resolves when they have ended. */
const setDatabase = (setting: (name: string) => string): ServerFault['strike'] => async (db, { database }) => {
  await db.query(setting(`DATABASE "${database}"`))
  const ended = await db.query<{ pid: number }>(
    'SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $database', { bind: { database }, type: QueryTypes.SELECT })
  const pids = ended.map(({ pid }) => pid)
  // A session that is told to end may still take a statement, and fail it.
  await until('the sessions have ended', async () => (await db.query(
    'SELECT pid FROM pg_stat_activity WHERE pid = ANY($pids)', { bind: { pids }, type: QueryTypes.SELECT })).length === 0)
}

/** Caused from a session on another database of the server. */
export const faultsOfServer: [title: string, fault: ServerFault][] = [
  ['that is down', {
    strike: setDatabase((it) => `ALTER ${it} ALLOW_CONNECTIONS false`),
    mend: setDatabase((it) => `ALTER ${it} ALLOW_CONNECTIONS true`)
  }],
  ['that is read-only', {
    strike: setDatabase((it) => `ALTER ${it} SET default_transaction_read_only = on`),
    mend: setDatabase((it) => `ALTER ${it} RESET default_transaction_read_only`)
  }]
]

/** Makes the server raise the error of a full disk for statements that would need space. */
export const noRoom = (trigger: string, returns: string): Fault => ({
  strike: (db) => db.query(`
    CREATE FUNCTION be_full () RETURNS ${returns} LANGUAGE plpgsql AS
      'BEGIN RAISE EXCEPTION ''could not extend file: No space left on device'' USING ERRCODE = ''disk_full''; END';
    CREATE ${trigger} EXECUTE FUNCTION be_full()`),
  mend: (db) => db.query('DROP FUNCTION be_full CASCADE')
})

interface Connection {
  exec: (sql: string, done: (error: Error | null) => void) => void
}

interface Connecting {
  connectionManager: { getConnection: (options?: object) => Promise<Connection> }
}

/** Smaller than any row of the ping log; far fewer than the log keeps fill a page of 4 KiB. */
const FILLING = `INSERT INTO TelemetryPings (kind, sentAt, idempotencyKey, body, outcome, attempts)
  VALUES ('manual', 0, '', '${'x'.repeat(250)}', 'delivered', 1)`

const MOST_PAGES = 2 ** 31

/** Makes SQLite fail when the file would grow by another page. */
export function fullFile (t: TestContext, hasTables: boolean): Fault {
  return {
    async strike (db) {
      const [row] = await db.query<{ page_count: number }>('PRAGMA page_count', { type: QueryTypes.SELECT })
      await runOnEach(t, db, `PRAGMA max_page_count = ${row!.page_count}`)
      // The last page of the log may still have room for a ping.
      if (hasTables) await assert.rejects(async () => { for (;;) await db.query(FILLING) }, /SQLITE_FULL/)
    },
    async mend (db) {
      await runOnEach(t, db, `PRAGMA max_page_count = ${MOST_PAGES}`)
      if (hasTables) await db.query('DELETE FROM TelemetryPings')
    }
  }
}

export function readOnlyFile (t: TestContext): Fault {
  return {
    strike: (db) => runOnEach(t, db, 'PRAGMA query_only = ON'),
    mend: (db) => runOnEach(t, db, 'PRAGMA query_only = OFF')
  }
}

/**
 * Runs a pragma on the open connection, and on each that a transaction opens from now on, as a pragma affects only one
 * connection. File permissions would affect all, but have no effect if the tests run as root.
 */
async function runOnEach (t: TestContext, db: Sequelize, pragma: string): Promise<void> {
  const { connectionManager } = db as unknown as Connecting
  const connect = connectionManager.getConnection.bind(connectionManager)
  t.mock.method(connectionManager, 'getConnection', async (options?: object) => {
    const connection = await connect(options)
    await promisify(connection.exec.bind(connection))(pragma)
    return connection
  })
  await db.query('SELECT 1')
}
