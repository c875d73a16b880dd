import type { QueryTypes, Sequelize, Transaction } from 'sequelize'

/** Limits every transaction of telemetry, so that a large table or a slow disk does not block the host's database. */
const LIMIT_MS = 5_000

/** Runs one statement within the time that is left. */
type WithinLimit = <T>(statement: () => Promise<T>) => Promise<T>

type Run<T> = (transaction: Transaction | null, withinLimit: WithinLimit) => Promise<T>

/**
 * Runs statements in a transaction of their own, limited to 5 seconds. `read` sees one snapshot and cannot write;
 * `write` takes the write lock of a SQLite file immediately.
 *
 * Uses no transaction on a SQLite database in memory: it has only one connection, so the transaction would include the
 * host's concurrent statements.
 *
 * Reports failure only by throwing. Sends BEGIN IMMEDIATE, COMMIT and ROLLBACK as statements, because Sequelize's own
 * COMMIT, if it fails, also writes to standard error and leaves the connection to a SQLite file open:
 * https://github.com/sequelize/sequelize/blob/v6.37.8/src/transaction.js#L59
 *
 * @throws the database's error, also after 5 seconds; the transaction is rolled back then
 */
export async function withTransaction<T> (sequelize: Sequelize, access: 'read' | 'write', run: Run<T>): Promise<T> {
  if (await isInMemory(sequelize)) return run(null, (statement) => statement())
  const type = 'DEFERRED' as Transaction.TYPES
  const transaction = await sequelize.transaction({ type, readOnly: access === 'read' })
  try {
    const result = sequelize.getDialect() === 'postgres'
      ? await runOnPostgres(sequelize, transaction, access, run)
      : await runOnSqlite(sequelize, transaction, access, run)
    await sequelize.query('COMMIT', { transaction })
    return result
  } catch (error) {
    // Fails if the database has already rolled back, as on a full disk, or if the session is gone.
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

/**
 * Properties that are missing from the types: Sequelize's connection of a transaction, and the driver's `interrupt`.
 */
type Interruptible = Transaction & { connection: { interrupt?: () => void } }

/**
 * Interrupts the connection after 5 seconds, because SQLite has no time limit of its own. Repeated, in case the
 * statement had not started when it was first interrupted. Where Sequelize keeps the connection:
 * https://github.com/sequelize/sequelize/blob/v6.37.8/src/transaction.js#L150
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

/** Sequelize's `rollback()` calls `forceCleanup` if it fails. It is missing from the types, and from some 6.x. */
type Releasable = Transaction & { forceCleanup?: () => Promise<void> }

/** Returns the connection to the host's pool by rolling back an empty transaction, or closes a broken session. */
async function releaseConnection (sequelize: Sequelize, transaction: Transaction): Promise<void> {
  const { forceCleanup } = transaction as Releasable
  const isBroken = await sequelize.query('BEGIN', { transaction }).then(() => false, () => true)
  // https://github.com/sequelize/sequelize/blob/v6.37.8/src/transaction.js#L213
  if (isBroken && forceCleanup) await forceCleanup.call(transaction)
  else await transaction.rollback().catch(() => {})
}

async function isInMemory (sequelize: Sequelize): Promise<boolean> {
  if (sequelize.getDialect() !== 'sqlite') return false
  const statement = 'SELECT file FROM pragma_database_list WHERE name = \'main\''
  const [main] = await select<{ file: string }>(sequelize, statement)
  return !main?.file
}

/**
 * Reads rows.
 *
 * @param bind the values of `$1`, `$2` and so on
 * @param transaction null for none, not even one that the host has open
 */
export function select<Row extends object> (
  sequelize: Sequelize, statement: string, bind: unknown[] = [], transaction: Transaction | null = null
): Promise<Row[]> {
  return sequelize.query<Row>(statement, { bind, transaction, type: 'SELECT' as QueryTypes.SELECT })
}

/** Changes rows. @returns the number of changed rows */
export function update (
  sequelize: Sequelize, statement: string, bind: unknown[], transaction: Transaction | null = null
): Promise<number> {
  return sequelize.query(statement, { bind, transaction, type: 'BULKUPDATE' as QueryTypes.BULKUPDATE })
}

/** Formats a time so that both databases can store and compare it, as Sequelize writes dates into SQLite. */
export function timestamp (moment: Date): string {
  return moment.toISOString().replace('T', ' ').replace('Z', ' +00:00')
}
