import type { ClientConfig } from 'pg'
import { BaseError, ConnectionError, Sequelize, type Options } from 'sequelize'

/** A SQLite file, or where a PostgreSQL is found and who asks. */
export type DatabaseAddress =
  | { type: 'sqlite', storage: string }
  | { type: 'postgres', host: string, port: number, user: string, password?: string, database: string, ssl: boolean }

/**
 * Opens the database and proves that it answers.
 *
 * @throws Sequelize's error, the driver's own its `parent`, when the file cannot be opened or the server does not answer
 */
export async function openDatabase (address: DatabaseAddress, options: Options = {}): Promise<Sequelize> {
  const sequelize = new Sequelize({ logging: false, ...await dialectOptions(address), ...options })
  if (address.type === 'postgres') nameConnectionErrors(sequelize)
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

async function dialectOptions (address: DatabaseAddress): Promise<Options> {
  if (address.type === 'sqlite') return { dialect: 'sqlite', storage: address.storage }
  const { host, port, user, password, database, ssl } = address
  const dialectModule = await loadPostgresDriver()
  return { dialect: 'postgres', dialectModule, host, port, username: user, password, database, dialectOptions: { ssl } }
}

/**
 * PostgreSQL's driver, whose connections hear of their end from the first moment. Sequelize begins to listen a moment
 * after the connection stands; a server that ends it at once, as one that is stopping does, would end the process.
 */
async function loadPostgresDriver (): Promise<object> {
  const { default: driver } = await import('pg')
  class Client extends driver.Client {
    constructor (config?: ClientConfig) {
      super(config)
      // Nothing is lost: the next statement on such a connection fails.
      this.on('error', () => {})
    }
  }
  return Object.create(driver, { Client: { value: Client } })
}

interface Connecting {
  connectionManager: { getConnection: (options?: object) => Promise<unknown> }
}

/**
 * Where a connection breaks off in the statements that Sequelize sends ahead on it, Sequelize passes the driver's bare
 * error on. Named like the others it tells whoever asked that the database is away.
 */
function nameConnectionErrors (sequelize: Sequelize): void {
  const { connectionManager } = sequelize as unknown as Connecting
  const getConnection = connectionManager.getConnection.bind(connectionManager)
  connectionManager.getConnection = (options) => getConnection(options).catch((error: Error) => {
    throw error instanceof BaseError ? error : new ConnectionError(error)
  })
}
