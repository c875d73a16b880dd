import { after, before, describe, type TestContext } from 'node:test'
import { startPostgres, type Postgres } from '../helpers/postgres.js'
import { postgresUrl, sqliteUrl } from './start-collector.js'

/** Defines the same tests for both databases. `create` makes an empty database and returns its URL. */
export function describeOnBoth (title: string, define: (create: (t: TestContext) => Promise<string>) => void): void {
  describe(`${title}, on SQLite`, () => define(sqliteUrl))
  describe(`${title}, on PostgreSQL`, () => {
    let postgres: Postgres
    before(async () => { postgres = await startPostgres() })
    after(() => postgres.stop())
    define(() => postgresUrl(postgres))
  })
}
