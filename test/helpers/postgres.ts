import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { DatabaseAddress } from '../../src/database/open.js'
import { startServer } from './postgres-server.js'

export type PostgresAddress = Extract<DatabaseAddress, { type: 'postgres' }>

export interface Postgres {
  /** Creates an empty database for one test. */
  createDatabase: () => Promise<PostgresAddress>
  stop: () => Promise<void>
  /** Variables that make the process of a test file use this server instead of a new one. */
  environment: Record<string, string>
}

const PORT_VARIABLE = 'TEST_POSTGRES_PORT'

const ACCOUNT = { host: '127.0.0.1', user: 'flowforge', password: 'flowforge' }

/** The PostgreSQL of this run of the tests, if `npm test` has started one; else a new one. */
export async function startPostgres (): Promise<Postgres> {
  const shared = process.env[PORT_VARIABLE]
  if (!shared) return startOwnPostgres()
  return describe(Number(shared), async () => { /* it is stopped after the last file */ })
}

/**
 * A real PostgreSQL for one test file, from a package, with its data in a temporary directory.
 *
 * @param flags server settings, for example `['-c', 'fsync=on']`; the default trades durability for speed
 */
export async function startOwnPostgres (flags = ['-c', 'fsync=off', '-c', 'full_page_writes=off']): Promise<Postgres> {
  const databaseDir = await mkdtemp(join(tmpdir(), 'flowforge-postgres-'))
  const port = await freePort()
  const stop = await startServer(databaseDir, ACCOUNT, [
    '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'max_connections=300', ...flags
  ])
  return describe(port, async () => {
    await stop()
    await rm(databaseDir, { recursive: true, force: true })
  })
}

function describe (port: number, stop: () => Promise<void>): Postgres {
  return { createDatabase: () => createDatabase(port), stop, environment: { [PORT_VARIABLE]: String(port) } }
}

async function createDatabase (port: number): Promise<PostgresAddress> {
  const database = `test_${randomBytes(6).toString('hex')}`
  const client = new pg.Client({ ...ACCOUNT, port, database: 'postgres' })
  await client.connect()
  await client.query(`CREATE DATABASE ${database}`)
  await client.end()
  return { type: 'postgres', ...ACCOUNT, port, database, ssl: false }
}

/** Ports that no operating system gives out by itself: a port found free there stays free until a test asks for it. */
const PORTS = { first: 11_000, count: 20_000 }

/** Processes that run at the same time begin at different ports. */
let latest = process.pid * 97

/** A free TCP port of this machine. */
export async function freePort (): Promise<number> {
  for (;;) {
    const port = PORTS.first + ++latest % PORTS.count
    const server = createServer().listen(port, '127.0.0.1')
    if (!await once(server, 'listening').then(() => true, () => false)) continue
    server.close()
    await once(server, 'close')
    return port
  }
}
