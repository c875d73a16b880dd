import type { QueryTypes, Sequelize, Transaction } from 'sequelize'

/** No transaction of telemetry holds the host's database for longer, however large a table or slow a disk is. */
const LIMIT_MS = 5_000

/** Runs one statement within the time that is left. */
type WithinLimit = <T>(statement: () => Promise<T>) => Promise<T>

type Run<T> = (transaction: Transaction | null, withinLimit: WithinLimit) => Promise<T>

/**
 * Runs statements in one transaction of their own that the database gives up after 5 seconds. `read` sees one moment
 * (a snapshot) and can write nothing; `write` takes the write lock of a SQLite file at once.
 *
 * In a SQLite database in memory there is no transaction: it has one connection, and a transaction on it would include
 * whatever the host does at the same time.
 *
 * Reports failure only by throwing: BEGIN IMMEDIATE, COMMIT and ROLLBACK are sent as statements, because Sequelize, when
 * one of its own fails, also writes to standard error and leaves the connection to a SQLite file open:
 * https://github.com/sequelize/sequelize/blob/v6.37.8/src/transaction.js#L59
 *
 * @throws the database's error, also when the time is over; nothing of the transaction remains
 */
export async function withTransaction<T> (sequelize: Sequelize, access: 'read' | 'write', run: Run<T>): Promise<T> {
  if (await isInMemory(sequelize)) return run(null, (statement) => statement())
  const transaction = await sequelize.transaction({ type: 'DEFERRED' as Transaction.TYPES, readOnly: access === 'read' })
  try {
    const result = sequelize.getDialect() === 'postgres'
      ? await runOnPostgres(sequelize, transaction, access, run)
      : await runOnSqlite(sequelize, transaction, access, run)
    await sequelize.query('COMMIT', { transaction })
    return result
  } catch (error) {
    // Fails where the database has rolled back by itself, as on a full disk, or where the session is gone.
    await sequelize.query('ROLLBACK', { transaction }).catch(() => {})
    throw error
  } finally {
    await releaseConnection(sequelize, transaction)
  }
}

async function runOnPostgres<T> (
  sequelize: Sequelize, transaction: Transaction, access: 'read' | 'write', run: Run<T>
): Promise<T> {
  const deadline = performance.now() + LIMIT_MS
  if (access === 'read') {
    await sequelize.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY', { transaction })
  }
  const withinLimit: WithinLimit = async (statement) => {
    const left = Math.max(1, Math.ceil(deadline - performance.now()))
    await sequelize.query(`SET LOCAL statement_timeout = ${left}`, { transaction })
    return statement()
  }
  return withinLimit(() => run(transaction, withinLimit))
}

/** What Sequelize keeps in a transaction, and what the driver offers to end a statement; neither is part of its types. */
type Interruptible = Transaction & { connection: { interrupt?: () => void } }

/**
 * SQLite has no time limit, but a connection can be interrupted. Repeated, in case the statement had not started when
 * it was first interrupted. The connection: https://github.com/sequelize/sequelize/blob/v6.37.8/src/transaction.js#L150
 */
async function runOnSqlite<T> (
  sequelize: Sequelize, transaction: Transaction, access: 'read' | 'write', run: Run<T>
): Promise<T> {
  const { connection } = transaction as Interruptible
  const timer = setInterval(() => { connection.interrupt?.() }, LIMIT_MS).unref()
  try {
    if (access === 'write') {
      await sequelize.query('ROLLBACK', { transaction })
      await sequelize.query('BEGIN IMMEDIATE', { transaction })
    }
    return await run(transaction, (statement) => statement())
  } finally {
    clearInterval(timer)
  }
}

/** Called by Sequelize's `rollback()` once that has failed; not part of its types, and not in every 6.x. */
type Releasable = Transaction & { forceCleanup?: () => Promise<void> }

/** Gives the connection back to the host: by rolling back an empty transaction, or by closing a broken session. */
async function releaseConnection (sequelize: Sequelize, transaction: Transaction): Promise<void> {
  const { forceCleanup } = transaction as Releasable
  const isBroken = await sequelize.query('BEGIN', { transaction }).then(() => false, () => true)
  // https://github.com/sequelize/sequelize/blob/v6.37.8/src/transaction.js#L213
  if (isBroken && forceCleanup) await forceCleanup.call(transaction)
  else await transaction.rollback().catch(() => {})
}

async function isInMemory (sequelize: Sequelize): Promise<boolean> {
  if (sequelize.getDialect() !== 'sqlite') return false
  const [main] = await select<{ file: string }>(sequelize, 'SELECT file FROM pragma_database_list WHERE name = \'main\'')
  return !main?.file
}

/**
 * Reads rows.
 *
 * @param bind the values of `$1`, `$2` ... @param transaction null: outside of any, also of one that the host holds
 */
export function select<Row extends object> (
  sequelize: Sequelize, statement: string, bind: unknown[] = [], transaction: Transaction | null = null
): Promise<Row[]> {
  return sequelize.query<Row>(statement, { bind, transaction, type: 'SELECT' as QueryTypes.SELECT })
}

/** Changes rows. @returns how many */
export function update (
  sequelize: Sequelize, statement: string, bind: unknown[], transaction: Transaction | null = null
): Promise<number> {
  return sequelize.query(statement, { bind, transaction, type: 'BULKUPDATE' as QueryTypes.BULKUPDATE })
}

/** A time as both databases compare and store it, in the format in which Sequelize writes dates into SQLite. */
export function timestamp (moment: Date): string {
  return moment.toISOString().replace('T', ' ').replace('Z', ' +00:00')
}
