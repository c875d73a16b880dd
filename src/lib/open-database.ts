import { Sequelize, type Options } from 'sequelize'

/** A SQLite file, or where a PostgreSQL is found and who asks. */
export type DatabaseAddress =
  | { type: 'sqlite', storage: string }
  | { type: 'postgres', host: string, port: number, user: string, password?: string, database: string, ssl: boolean }

/**
 * Opens the database and proves that it answers.
 *
 * @throws the driver's own error when the file cannot be opened or the server does not answer
 */
export async function openDatabase (address: DatabaseAddress, options: Options = {}): Promise<Sequelize> {
  const sequelize = new Sequelize({ logging: false, ...dialectOptions(address), ...options })
  try {
    await sequelize.authenticate()
    // WAL: a reader never waits for the writer, so a count of many rows stalls no login.
    if (address.type === 'sqlite') await sequelize.query('PRAGMA journal_mode = WAL')
  } catch (error) {
    await sequelize.close()
    throw error
  }
  return sequelize
}

function dialectOptions (address: DatabaseAddress): Options {
  if (address.type === 'sqlite') return { dialect: 'sqlite', storage: address.storage }
  const { host, port, user, password, database, ssl } = address
  return { dialect: 'postgres', host, port, username: user, password, database, dialectOptions: { ssl } }
}
