import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe } from 'node:test'
import type { DatabaseAddress } from '../../src/database/open.js'
import { startPostgres, type Postgres } from './postgres.js'

/** Defines the same tests for SQLite and for a real PostgreSQL. `create` makes an empty database. */
export function describeOnBoth (title: string, define: (create: () => Promise<DatabaseAddress>) => void): void {
  describe(`${title}, on SQLite`, () => {
    const directory = mkdtempSync(join(tmpdir(), 'flowforge-sqlite-'))
    let made = 0
    after(() => { rmSync(directory, { recursive: true, force: true }) })
    define(async () => ({ type: 'sqlite', storage: join(directory, `${++made}.db`) }))
  })
  describe(`${title}, on PostgreSQL`, () => {
    let postgres: Postgres
    before(async () => { postgres = await startPostgres() })
    after(() => postgres.stop())
    define(() => postgres.createDatabase())
  })
}
