import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { QueryTypes, type Sequelize } from 'sequelize'
import { letClockRun, meetFault, type Fault } from '../helpers/meet-fault.js'
import { temporaryDirectory } from '../helpers/platform.js'

interface Connection {
  exec: (sql: string, done: (error: Error | null) => void) => void
}

interface Connecting {
  connectionManager: { getConnection: (options?: object) => Promise<Connection> }
}

/** Smaller than any row of the ping log, and far fewer of them than it keeps fill a page of 4 KiB. */
const FILLING = `INSERT INTO TelemetryPings (kind, sentAt, idempotencyKey, body, outcome, attempts)
  VALUES ('manual', 0, '', '${'x'.repeat(250)}', 'delivered', 1)`

const MOST_PAGES = 2 ** 31

letClockRun()

describe('a SQLite file', () => {
  for (const hasTables of [true, false]) {
    const when = hasTables ? '' : ' before telemetry has made its tables'
    for (const [title, createFault] of [['that is full', full], ['that is read-only', readOnly]] as const) {
      test(`${title}${when} keeps the ping, not the platform, and takes no later ping with it`, async (t) => {
        const address = { type: 'sqlite', storage: join(temporaryDirectory(t), 'flowforge.db') } as const
        await meetFault(t, address, createFault(t, hasTables), { hasTables })
      })
    }
  }
})

/** SQLite itself says when the file may not grow by a page more. */
function full (t: TestContext, hasTables: boolean): Fault {
  return {
    async strike (db) {
      const [row] = await db.query<{ page_count: number }>('PRAGMA page_count', { type: QueryTypes.SELECT })
      await runOnEach(t, db, `PRAGMA max_page_count = ${row!.page_count}`)
      // The last page of the log may have room for a ping yet.
      if (hasTables) await assert.rejects(async () => { for (;;) await db.query(FILLING) }, /SQLITE_FULL/)
    },
    async mend (db) {
      await runOnEach(t, db, `PRAGMA max_page_count = ${MOST_PAGES}`)
      if (hasTables) await db.query('DELETE FROM TelemetryPings')
    }
  }
}

function readOnly (t: TestContext): Fault {
  return {
    strike: (db) => runOnEach(t, db, 'PRAGMA query_only = ON'),
    mend: (db) => runOnEach(t, db, 'PRAGMA query_only = OFF')
  }
}

/**
 * Runs a pragma on the connection that is open, and on each that a transaction opens from now on. Such a pragma is of
 * one connection; and the permissions of the file, which are of all, mean nothing where the tests run as root.
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
