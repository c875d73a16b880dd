import { existsSync, statSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { ClientConfig } from 'pg'
import { BaseError, ConnectionError, Sequelize, type Options } from 'sequelize'
import { assertOwnDatabase, ForeignDatabaseError } from './ownership.js'
import { createPostgresSocket } from './postgres-socket.js'
import { makePrivateDatabase } from './private-files.js'
import { loadSqliteDriver } from './sqlite-driver.js'

/** A SQLite file, or the server, database and user of a PostgreSQL. */
export type DatabaseAddress =
  | { type: 'sqlite', storage: string }
  | { type: 'postgres', host: string, port: number, user: string, password?: string, database: string, ssl: boolean }

/**
 * Opens the database and checks that it answers. Creates a missing SQLite file, readable only by its owner.
 *
 * @param history the table that lists the migrations of this program; a database without it must be empty
 * @throws Sequelize's error, with the driver's as its `parent`, if the file cannot be opened or the server does not
 *   answer; the file system's error if the file cannot be created; ForeignDatabaseError, before anything is changed;
 *   MissingSqliteDriverError
 */
export async function openDatabase (
  address: DatabaseAddress, options: Options = {}, history?: string
): Promise<Sequelize> {
  if (address.type === 'sqlite' && address.storage !== ':memory:') {
    if (history && isFilled(address.storage)) await inspectFile(address, history)
    makePrivateDatabase(address.storage)
  }
  return connect({ ...await dialectOptions(address), ...options }, async (sequelize) => {
    if (history) await assertOwnDatabase(sequelize, history)
    // With WAL, readers and the writer do not block each other, so counting many rows does not delay a login.
    if (address.type === 'sqlite') await sequelize.query('PRAGMA journal_mode = WAL')
  })
}

/**
 * Opens an existing database for reading. A SQLite file may be on a read-only disk, and is not changed.
 *
 * @throws as `openDatabase` does
 */
export async function openForReading (address: DatabaseAddress): Promise<Sequelize> {
  const options = await dialectOptions(address)
  if (address.type === 'postgres') return connect(options)
  const { OPEN_READONLY, OPEN_URI } = options.dialectModule as Record<string, number>
  try {
    return await connect({ ...options, dialectOptions: { mode: OPEN_READONLY } }, readSchema)
  } catch (error) {
    // If -shm cannot be created, SQLite reads a WAL database only if told that it does not change.
    if (!isNotPermitted(error) || existsSync(`${address.storage}-wal`)) throw error
    const storage = `${pathToFileURL(address.storage)}?immutable=1`
    return await connect({ ...options, storage, dialectOptions: { mode: OPEN_READONLY! | OPEN_URI! } }, readSchema)
  }
}

const readSchema = (sequelize: Sequelize) => sequelize.query('SELECT 1 FROM sqlite_master LIMIT 1')

const isNotPermitted = (error: unknown) => (
  /^SQLITE_(CANTOPEN|READONLY)$/.test((error as { parent?: { code?: string } }).parent?.code ?? ''))

/** @throws ForeignDatabaseError, or Sequelize's error */
async function inspectFile (address: DatabaseAddress, history: string): Promise<void> {
  try {
    const sequelize = await openForReading(address)
    await assertOwnDatabase(sequelize, history).finally(() => sequelize.close())
  } catch (error) {
    // If its last writer was killed in a transaction, a file must be repaired before it can be read.
    if (!isNotPermitted(error)) throw error
  }
}

function isFilled (file: string): boolean {
  const stats = statSync(file, { throwIfNoEntry: false })
  return stats !== undefined && stats.isFile() && stats.size > 0
}

async function connect (options: Options, prepare?: (sequelize: Sequelize) => Promise<unknown>): Promise<Sequelize> {
  const sequelize = new Sequelize({ logging: false, ...options })
  try {
    await sequelize.authenticate()
    await prepare?.(sequelize)
  } catch (error) {
    // The driver never finishes closing a SQLite file that it could not open.
    if (!(error instanceof ConnectionError && sequelize.getDialect() === 'sqlite')) await sequelize.close()
    if (error instanceof BaseError || error instanceof ForeignDatabaseError) throw error
    // If the session ends while Sequelize prepares the connection, Sequelize passes on the driver's error unwrapped.
    throw new ConnectionError(error as Error)
  }
  return sequelize
}

/** The time after which a PostgreSQL that accepts a connection but does not answer counts as unreachable. */
const CONNECT_MS = 5_000

async function dialectOptions (address: DatabaseAddress): Promise<Options> {
  if (address.type === 'sqlite') {
    return { dialect: 'sqlite', dialectModule: await loadSqliteDriver(), storage: address.storage }
  }
  const { host, port, user, password, database, ssl } = address
  const dialectModule = await loadPostgresDriver()
  const dialectOptions = { ssl, connectionTimeoutMillis: CONNECT_MS, stream: createPostgresSocket }
  return { dialect: 'postgres', dialectModule, host, port, username: user, password, database, dialectOptions }
}

/**
 * Loads the PostgreSQL driver, with connections that listen for `error` from the start. Sequelize adds its listener
 * only once it has connected. If the server closed the connection before, as a stopping one does, the process would
 * crash: https://github.com/sequelize/sequelize/blob/v6.37.8/src/dialects/postgres/connection-manager.js#L159
 */
async function loadPostgresDriver (): Promise<object> {
  const { default: driver } = await import('pg')
  class Client extends driver.Client {
    constructor (config?: ClientConfig) {
      super(config)
      // Ignored here, because the next statement on this connection fails with it.
      this.on('error', () => {})
    }
  }
  return Object.create(driver, { Client: { value: Client } })
}
