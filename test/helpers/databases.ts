import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe } from 'node:test'
import type { DatabaseAddress } from '../../src/database/open.js'
import { startPostgres, type Postgres } from './postgres.js'

/** Defines tests. `create` makes an empty database. */
type Define = (create: () => Promise<DatabaseAddress>) => void

interface Options {
  concurrency?: boolean
}

/** Defines tests for SQLite alone. */
export function describeOnSqlite (title: string, define: Define, options: Options = {}): void {
  describe(`${title}, on SQLite`, options, () => {
    const directory = mkdtempSync(join(tmpdir(), 'flowforge-sqlite-'))
    let made = 0
    after(() => { rmSync(directory, { recursive: true, force: true }) })
    define(async () => ({ type: 'sqlite', storage: join(directory, `${++made}.db`) }))
  })
}

/** Defines the same tests for SQLite and for a real PostgreSQL. */
export function describeOnBoth (title: string, define: Define, options: Options = {}): void {
  describeOnSqlite(title, define, options)
  describe(`${title}, on PostgreSQL`, options, () => {
    let postgres: Postgres
    before(async () => { postgres = await startPostgres() })
    after(() => postgres.stop())
    define(() => postgres.createDatabase())
  })
}
