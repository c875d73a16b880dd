import type { ClientConfig } from 'pg'
import { BaseError, ConnectionError, Sequelize, type Options } from 'sequelize'
import { makePrivateDatabase } from './private-files.js'
import { loadSqliteDriver } from './sqlite-driver.js'

/** A SQLite file, or where a PostgreSQL is found and who asks. */
export type DatabaseAddress =
  | { type: 'sqlite', storage: string }
  | { type: 'postgres', host: string, port: number, user: string, password?: string, database: string, ssl: boolean }

/**
 * Opens the database and proves that it answers. A SQLite file is created if it is not there; only its owner can read it.
 *
 * @throws Sequelize's error, the driver's own its `parent`, when the file cannot be opened or the server does not answer;
 *   the file system's, when the file cannot be created
 */
export async function openDatabase (address: DatabaseAddress, options: Options = {}): Promise<Sequelize> {
  if (address.type === 'sqlite' && address.storage !== ':memory:') makePrivateDatabase(address.storage)
  const sequelize = new Sequelize({ logging: false, ...await dialectOptions(address), ...options })
  try {
    await sequelize.authenticate()
    // WAL: a reader never waits for the writer, so a count of many rows stalls no login.
    if (address.type === 'sqlite') await sequelize.query('PRAGMA journal_mode = WAL')
  } catch (error) {
    await sequelize.close()
    // Sequelize passes the driver's bare error on where the session ends during the statements it sends on connecting.
    throw error instanceof BaseError ? error : new ConnectionError(error as Error)
  }
  return sequelize
}

async function dialectOptions (address: DatabaseAddress): Promise<Options> {
  if (address.type === 'sqlite') {
    return { dialect: 'sqlite', dialectModule: await loadSqliteDriver(), storage: address.storage }
  }
  const { host, port, user, password, database, ssl } = address
  const dialectModule = await loadPostgresDriver()
  return { dialect: 'postgres', dialectModule, host, port, username: user, password, database, dialectOptions: { ssl } }
}

/**
 * The PostgreSQL driver, with connections that listen for `error` from the start. Sequelize adds its listener only after
 * the connection is made; a server that ends it at once, as one that is stopping does, would end the process:
 * https://github.com/sequelize/sequelize/blob/v6.37.8/src/dialects/postgres/connection-manager.js#L159
 */
async function loadPostgresDriver (): Promise<object> {
  const { default: driver } = await import('pg')
  class Client extends driver.Client {
    constructor (config?: ClientConfig) {
      super(config)
      // The next statement on this connection fails; nothing else is to be done.
      this.on('error', () => {})
    }
  }
  return Object.create(driver, { Client: { value: Client } })
}
