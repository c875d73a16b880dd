import { randomUUID } from 'node:crypto'
import { QueryTypes, Transaction, type Options, type QueryOptionsWithType, type Sequelize } from 'sequelize'
import { withTransaction } from '../../database/transaction.js'

/** However large a table or slow a disk is, telemetry holds the platform's database for no longer than this. */
const LIMIT_MS = 5_000

interface SqliteConnection {
  interrupt?: () => void
}

interface Connecting {
  connectionManager: {
    /** Opens a connection where there is none of that name yet. */
    getConnection: (named: { uuid: string }) => Promise<SqliteConnection>
    /** Closes a connection that bears a name. */
    releaseConnection: (connection: SqliteConnection & { uuid: string }) => void
  }
}

/**
 * Runs statements in a transaction of their own, each of which the database gives up after 5 seconds.
 *
 * @throws the database's error, also where it has given up; nothing of the transaction remains
 */
export async function runBriefly<T> (
  sequelize: Sequelize, _type: Transaction.TYPES, run: (transaction?: Transaction) => Promise<T>
): Promise<T> {
  if (isInMemory(sequelize)) return run()
  return withTransaction(sequelize, async (transaction) => {
    if (sequelize.getDialect() !== 'postgres') {
      const { connection } = transaction as Transaction & { connection: SqliteConnection }
      return interruptLate(connection, () => run(transaction))
    }
    await sequelize.query(`SET LOCAL statement_timeout = ${LIMIT_MS}`, { transaction })
    return run(transaction)
  })
}

/**
 * Reads one row by one statement, which the database gives up after 5 seconds. SQLite needs no transaction for that,
 * only a connection of its own: on the host's, whatever else it asks would wait.
 *
 * @throws the database's error, also where it has given up
 */
export async function readBriefly<Row extends object> (sequelize: Sequelize, statement: string): Promise<Row | null> {
  const read = (on: object) => sequelize.query<Row>(statement, {
    type: QueryTypes.SELECT, plain: true, ...on
  } as QueryOptionsWithType<QueryTypes.SELECT> & { plain: true })
  if (isInMemory(sequelize)) return read({})
  if (sequelize.getDialect() === 'postgres') {
    return runBriefly(sequelize, Transaction.TYPES.DEFERRED, (transaction) => read({ transaction }))
  }
  const { connectionManager } = sequelize as unknown as Connecting
  const uuid = randomUUID()
  const connection = await connectionManager.getConnection({ uuid })
  try {
    // The types of the columns, for which the ORM would ask first, are known: all are numbers.
    return await interruptLate(connection, () => read({ uuid, transaction: null, tableNames: [] }))
  } finally {
    connectionManager.releaseConnection(Object.assign(connection, { uuid }))
  }
}

/** SQLite knows no limit, but a connection can be interrupted; again, in case the statement still waited for a thread. */
async function interruptLate<T> (connection: SqliteConnection, run: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => { connection.interrupt?.() }, LIMIT_MS).unref()
  try {
    return await run()
  } finally {
    clearInterval(timer)
  }
}

/** A SQLite database in memory is one connection: a transaction there would take in what its host is doing. */
function isInMemory (sequelize: Sequelize): boolean {
  const { storage = ':memory:' } = (sequelize as Sequelize & { options: Options }).options
  return sequelize.getDialect() === 'sqlite' && storage === ':memory:'
}
