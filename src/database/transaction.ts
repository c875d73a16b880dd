import type { QueryInterface, Sequelize, Transaction } from 'sequelize'

type End = (transaction: Transaction, options: object) => Promise<void>

type Ends = Record<'commitTransaction' | 'rollbackTransaction', End>

/**
 * Runs statements in one transaction, whose failure is told by its error alone. Where its end fails, too, because the
 * database is away, or is full and has taken all back by itself, Sequelize would write to standard error, past any log,
 * and would keep the connection to a SQLite file open for good.
 *
 * @throws the error of the first statement that failed; nothing of the transaction remains
 */
export async function transact<T> (
  sequelize: Sequelize, type: Transaction.TYPES, run: (transaction: Transaction) => Promise<T>
): Promise<T> {
  const schema = sequelize.getQueryInterface() as QueryInterface & Ends
  let failure: unknown
  const quietly = (end: End) => ({
    value: (transaction: Transaction, options: object) => (
      end.call(schema, transaction, options).catch((error: unknown) => { failure = error }))
  })
  const ends = Object.create(schema, {
    commitTransaction: quietly(schema.commitTransaction), rollbackTransaction: quietly(schema.rollbackTransaction)
  })
  const quiet: Sequelize = Object.create(sequelize, { getQueryInterface: { value: () => ends } })
  const result = await quiet.transaction({ type }, run)
  // A failed rollback has its own error, thrown by now: this is the commit's.
  if (failure) throw failure
  return result
}
