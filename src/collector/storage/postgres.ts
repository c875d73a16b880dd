import pg from 'pg'
import type { DatabaseAddress } from '../../database/open.js'
import { createPostgresSocket } from '../../database/postgres-socket.js'
import { withRetry, type Database, type Purpose, type Statements } from './database.js'

export type PostgresAddress = Extract<DatabaseAddress, { type: 'postgres' }>

/** Parses `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=...`. */
export function parsePostgresUrl (url: string): PostgresAddress {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url)
  return {
    type: 'postgres',
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 5432),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
    ssl: !['disable', null].includes(searchParams.get('sslmode'))
  }
}

/**
 * With repeatable read, a statement fails with 40001, and is repeated, if another collector has changed one of its rows
 * since it began. So the rows that it has read, such as pings with the same key, are still current.
 */
const ISOLATION = '-c default_transaction_isolation=repeatable\\ read'

/**
 * Settings of a connection by purpose. `timeout` limits each statement, in milliseconds, in case the database hangs.
 */
const PURPOSES: Record<Purpose, { options: string, max: number, timeout?: number, idleTimeoutMillis?: number }> = {
  // Without these, a prepared statement would be planned anew each time, or keep the plan to scan a partition that was
  // chosen while it was small.
  intake: {
    options: `${ISOLATION} -c plan_cache_mode=force_generic_plan -c enable_seqscan=off`, max: 4, timeout: 30_000
  },
  report: { options: ISOLATION, max: 4, timeout: 30_000 },
  // One connection, because temporary tables belong to it. Statements may run for long, but wait for a lock only 2 s.
  maintenance: { options: `${ISOLATION} -c lock_timeout=2s`, max: 1, idleTimeoutMillis: 0 }
}

/** Checks for a conflict with another client: the same rows, a deadlock, or the same new key. */
const isConflict = (code: string) => ['40001', '40P01', '23505'].includes(code)

/** Opens a pool of connections. @throws the driver's error if the server does not answer */
export async function openPostgres (url: string, purpose: Purpose): Promise<Database> {
  const { type, ...address } = parsePostgresUrl(url)
  const { timeout, ...settings } = PURPOSES[purpose]
  const pool = new pg.Pool({
    ...address,
    ...settings,
    stream: createPostgresSocket,
    keepAlive: true,
    connectionTimeoutMillis: 5000,
    ...(timeout && { statement_timeout: timeout, query_timeout: timeout + 5000 })
  })
  // The listeners keep the process from crashing. A broken connection fails its statement; the next one gets another.
  pool.on('error', () => {})
  pool.on('connect', (client) => { client.on('error', () => {}) })
  try {
    await pool.query('SELECT 1')
  } catch (error) {
    await pool.end()
    throw error
  }
  return {
    ...statementsOf((query) => withRetry(() => pool.query(query), isConflict)),
    transaction: (run) => withRetry(() => runTransaction(pool, run), isConflict),
    close: () => pool.end()
  }
}

function statementsOf (send: (query: pg.QueryConfig) => Promise<pg.QueryResult>): Statements {
  return {
    kind: 'postgres',
    query: async (text, values = [], name) => (await send({ text, values, ...(name && { name }) })).rows,
    change: async (text, values = []) => (await send({ text, values })).rowCount ?? 0
  }
}

async function runTransaction<Result> (
  pool: pg.Pool, run: (statements: Statements) => Promise<Result>
): Promise<Result> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query('BEGIN')
    const result = await run(statementsOf((query) => client.query(query)))
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: Error) => { broken = failure })
    throw error
  } finally {
    // A session that cannot roll back is closed.
    client.release(broken)
  }
}
