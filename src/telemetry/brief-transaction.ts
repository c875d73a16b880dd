import type { Options, Sequelize, Transaction } from 'sequelize'
import { transact } from '../lib/transact.js'

/** However large a table or slow a disk is, telemetry holds the platform's database for no longer than this. */
const LIMIT_MS = 5_000

/**
 * Runs statements in a transaction of their own, each of which the database gives up after 5 seconds.
 *
 * @throws the database's error, also where it has given up; nothing of the transaction remains
 */
export async function runBriefly<T> (
  sequelize: Sequelize, type: Transaction.TYPES, run: (transaction?: Transaction) => Promise<T>
): Promise<T> {
  if (isInMemory(sequelize)) return run()
  return transact(sequelize, type, async (transaction) => {
    if (sequelize.getDialect() !== 'postgres') return interruptLate(transaction, () => run(transaction))
    await sequelize.query(`SET LOCAL statement_timeout = ${LIMIT_MS}`, { transaction })
    return run(transaction)
  })
}

/**
 * SQLite knows no such limit, but in a file each transaction has a connection, which can be interrupted; and again, in
 * case that the statement was still waiting for a thread.
 */
async function interruptLate<T> (transaction: Transaction, run: () => Promise<T>): Promise<T> {
  const { connection } = transaction as Transaction & { connection: { interrupt?: () => void } }
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
