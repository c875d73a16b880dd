import { QueryTypes, type Sequelize, type Transaction } from 'sequelize'
import { openDatabase } from '../../database/open.js'
import { closeDatabase, withTransaction } from '../../database/transaction.js'
import { withRetry, type Database, type Statements } from './database.js'

/** Checks whether the write lock was still taken after the second that the driver waits for it. */
const isBusy = (code: string) => code === 'SQLITE_BUSY'

/** Opens a SQLite file. @throws Sequelize's error if it cannot be opened */
export async function openSqlite (storage: string): Promise<Database> {
  const sequelize = await openDatabase({ type: 'sqlite', storage })
  // Overwrites deleted data with zeros. SQLite itself writes to the disk before it reports a commit.
  await sequelize.query('PRAGMA secure_delete = ON')
  let last: Promise<unknown> = Promise.resolve()
  return {
    ...statementsOf(sequelize),
    transaction (run) {
      // One after the other, because only one can have the write lock, for which the driver waits only a second.
      const result = last.then(() => withRetry(() => withTransaction(sequelize, async (transaction) => {
        // Set again, because each transaction has a connection of its own.
        await sequelize.query('PRAGMA secure_delete = ON', { transaction })
        return await run(statementsOf(sequelize, transaction))
      }), isBusy))
      last = result.catch(() => {})
      return result
    },
    close: () => closeDatabase(sequelize)
  }
}

function statementsOf (sequelize: Sequelize, transaction?: Transaction): Statements {
  const options = (bind: unknown[]) => ({ ...(bind.length > 0 && { bind }), transaction: transaction ?? null })
  return {
    kind: 'sqlite',
    query: <Row extends object>(text: string, values: unknown[] = []) =>
      sequelize.query<Row>(text, { ...options(values), type: QueryTypes.SELECT }),
    change: (text, values = []) => sequelize.query(text, { ...options(values), type: QueryTypes.BULKUPDATE })
  }
}
