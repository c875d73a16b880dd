import type { Sequelize, Transaction } from 'sequelize'

/** The transactions that run on each database. */
const running = new WeakMap<Sequelize, Set<Promise<unknown>>>()

/**
 * Closes the database once its transactions have ended. Each transaction on a SQLite file has a connection of its own,
 * and closing one that is still being opened never ends.
 */
export async function closeDatabase (sequelize: Sequelize): Promise<void> {
  while (running.get(sequelize)?.size) await Promise.allSettled(running.get(sequelize)!)
  await sequelize.close()
}

/**
 * Runs statements in one transaction. On SQLite it takes the write lock immediately (`BEGIN IMMEDIATE`).
 *
 * Reports failure only by throwing. Sends BEGIN IMMEDIATE, COMMIT and ROLLBACK as statements, because Sequelize's own
 * COMMIT, if it fails, also writes to standard error and leaves the connection to a SQLite file open:
 * https://github.com/sequelize/sequelize/blob/v6.37.8/src/transaction.js#L59
 *
 * @throws the error of the first statement that failed, after the transaction has been rolled back
 */
export async function withTransaction<T> (
  sequelize: Sequelize, run: (transaction: Transaction) => Promise<T>
): Promise<T> {
  const transactions = running.get(sequelize) ?? new Set()
  running.set(sequelize, transactions)
  const result = runInTransaction(sequelize, run)
  transactions.add(result)
  try {
    return await result
  } finally {
    transactions.delete(result)
  }
}

async function runInTransaction<T> (
  sequelize: Sequelize, run: (transaction: Transaction) => Promise<T>
): Promise<T> {
  const transaction = await sequelize.transaction()
  try {
    if (sequelize.getDialect() === 'sqlite') {
      await sequelize.query('ROLLBACK', { transaction })
      await sequelize.query('BEGIN IMMEDIATE', { transaction })
    }
    const result = await run(transaction)
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

/** Sequelize's `rollback()` calls `forceCleanup` if it fails. It is missing from the types. */
type Releasable = Transaction & { forceCleanup: () => Promise<void> }

/** Returns the connection to Sequelize's pool by rolling back an empty transaction, or closes a broken session. */
async function releaseConnection (sequelize: Sequelize, transaction: Transaction): Promise<void> {
  try {
    await sequelize.query('BEGIN', { transaction })
  } catch {
    // https://github.com/sequelize/sequelize/blob/v6.37.8/src/transaction.js#L213
    return (transaction as Releasable).forceCleanup()
  }
  await transaction.rollback()
}
