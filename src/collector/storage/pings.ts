import type { Client } from 'pg'
import { BaseError, DatabaseError, QueryTypes, type Sequelize } from 'sequelize'
import { columns, type Row } from './columns.js'
import { isPostgres } from './database.js'

const KEY = columns.findIndex(({ name }) => name === 'idempotency_key')

const names = columns.map(({ name }) => name).join(', ')

/**
 * Stores rows in one statement, which is one transaction.
 *
 * @returns for each row the row that is now stored: itself, or the one that came first with the same idempotency key
 * @throws Sequelize's error; then none of the rows is stored
 */
export async function storeRows (db: Sequelize, rows: Row[]): Promise<Row[]> {
  // Sorted, so that two collectors that meet the same keys at once wait for each other in one order: no deadlock.
  const sorted = rows.toSorted((a, b) => String(a[KEY]) < String(b[KEY]) ? -1 : 1)
  const stored = await (isPostgres(db) ? insertIntoPostgres : insertIntoSqlite)(db, JSON.stringify(sorted))
  if (stored === rows.length) return rows
  const first = await findRows(db, rows.map((row) => row[KEY]).filter((key) => key !== null))
  return rows.map((row) => first.get(row[KEY]) ?? row)
}

/** True for an error that the values of a row have brought about; every other means that the database is away. */
export function isFaultOfRow (error: unknown): boolean {
  return error instanceof BaseError && /^(22|23|SQLITE_(CONSTRAINT|MISMATCH|TOOBIG))/.test(codeOf(error))
}

/** The database's own code of an error: five characters of PostgreSQL, a name of SQLite. */
function codeOf (error: unknown): string {
  return (error as { parent?: { code?: string } }).parent?.code ?? ''
}

// A whole batch travels as one JSON parameter, so the statement's text never changes with its size.
const SQLITE_INSERT = `INSERT INTO pings (${names})
  SELECT ${columns.map((_, index) => `value ->> ${index}`).join(', ')} FROM json_each($1) WHERE true
  ON CONFLICT DO NOTHING`

const POSTGRES_INSERT = `INSERT INTO pings (${names})
  SELECT ${columns.map(({ type }, index) => `(value ->> ${index})::${castOf(type)}`).join(', ')}
  FROM jsonb_array_elements($1::jsonb) AS rows (value)`

/** SQLSTATE of a value that is there already. */
const UNIQUE_VIOLATION = '23505'

/** @returns how many rows were new */
async function insertIntoSqlite (db: Sequelize, rows: string): Promise<number> {
  return await db.query(SQLITE_INSERT, { bind: [rows], type: QueryTypes.BULKUPDATE })
}

/**
 * First as if every ping were new, which holds for nearly every batch: to look for conflicts at each row costs the
 * collector a tenth of its pace.
 *
 * @returns how many rows were new
 */
async function insertIntoPostgres (db: Sequelize, rows: string): Promise<number> {
  try {
    return await runPrepared(db, 'store-pings', POSTGRES_INSERT, rows)
  } catch (error) {
    if (codeOf(error) !== UNIQUE_VIOLATION) throw error
    return await runPrepared(db, 'store-new-pings', `${POSTGRES_INSERT} ON CONFLICT DO NOTHING`, rows)
  }
}

/** A prepared statement, which the ORM does not offer, is planned once, not for each batch. @returns how many rows it stored */
async function runPrepared (db: Sequelize, name: string, text: string, rows: string): Promise<number> {
  const { connectionManager } = db as Sequelize & { connectionManager: ConnectionManager }
  const connection = await connectionManager.getConnection({ type: 'WRITE' })
  try {
    const { rowCount } = await connection.query({ name, text, values: [rows] })
    return rowCount ?? 0
  } catch (error) {
    throw new DatabaseError(Object.assign(error as Error, { sql: text }))
  } finally {
    connectionManager.releaseConnection(connection)
  }
}

interface ConnectionManager {
  getConnection: (options: { type: 'WRITE' }) => Promise<Client>
  releaseConnection: (connection: Client) => void
}

function castOf (type: (typeof columns)[number]['type']): string {
  const name = String((type as { key?: string }).key)
  return name === 'STRING' || name === 'CHAR' ? 'text' : name
}

async function findRows (db: Sequelize, keys: unknown[]): Promise<Map<unknown, Row>> {
  const list = isPostgres(db) ? 'SELECT jsonb_array_elements_text($1::jsonb)' : 'SELECT value FROM json_each($1)'
  const found = await db.query<Record<string, Row[number]>>(
    `SELECT ${names} FROM pings WHERE idempotency_key IN (${list})`, { bind: [JSON.stringify(keys)], type: QueryTypes.SELECT })
  return new Map(found.map((row) => [row.idempotency_key, columns.map(({ name }) => row[name]!)]))
}
