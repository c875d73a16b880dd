import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { away } from '../helpers/database-faults.js'
import { searchWith } from '../helpers/platform-secrets.js'
import { temporaryDirectory } from '../helpers/platform.js'
import { startPostgres, type Postgres } from '../helpers/postgres.js'
import { asSecretUser } from '../helpers/secret-search.js'

/** The soak test runs every command in a process, with every fault. */
const [ON_SQLITE, ON_POSTGRES] = [[], ['start']]

describe('no secret is in the log, the answers or the output of the commands', () => {
  let postgres: Postgres
  before(async () => { postgres = await startPostgres() })
  after(() => postgres.stop())

  test('on a working SQLite file', (t) => (
    searchWith(t, { type: 'sqlite', storage: join(temporaryDirectory(t), 'flowforge.db') }, async () => {}, ON_SQLITE)))

  test('on a PostgreSQL without one of the tables', async (t) => (
    searchWith(t, await asSecretUser(await postgres.createDatabase()), (_t, db) => away('TelemetryPings').strike(db), ON_POSTGRES)))
})
