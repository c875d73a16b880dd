import type { Sequelize, Transaction } from 'sequelize'

/**
 * Runs statements in one transaction. On SQLite it takes the write lock at once (`BEGIN IMMEDIATE`).
 *
 * Reports failure only by throwing: BEGIN IMMEDIATE, COMMIT and ROLLBACK are sent as statements, because Sequelize, when
 * one of its own fails, also writes to standard error and leaves the connection to a SQLite file open:
 * https://github.com/sequelize/sequelize/blob/v6.37.8/src/transaction.js#L59
 *
 * @throws the error of the first statement that failed; nothing of the transaction remains
 */
export async function withTransaction<T> (
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
    // Fails where the database has rolled back by itself, as on a full disk, or where the session is gone.
    await sequelize.query('ROLLBACK', { transaction }).catch(() => {})
    throw error
  } finally {
    await releaseConnection(sequelize, transaction)
  }
}

/** Called by Sequelize's `rollback()` once that has failed; not part of its types. */
type Releasable = Transaction & { forceCleanup: () => Promise<void> }

/** Gives the connection back to Sequelize: by rolling back an empty transaction, or by closing a broken session. */
async function releaseConnection (sequelize: Sequelize, transaction: Transaction): Promise<void> {
  try {
    await sequelize.query('BEGIN', { transaction })
  } catch {
    // https://github.com/sequelize/sequelize/blob/v6.37.8/src/transaction.js#L213
    return (transaction as Releasable).forceCleanup()
  }
  await transaction.rollback()
}
