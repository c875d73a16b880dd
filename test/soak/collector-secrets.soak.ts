import assert from 'node:assert/strict'
import { appendFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { openDatabase } from '../../src/database/open.js'
import { parsePostgresUrl } from '../../src/collector/storage/postgres.js'
import { sqliteUrl } from '../collector/start-collector.js'
import { searchCollector, type CollectorFault } from '../helpers/collector-secrets.js'
import { faultsOfServer } from '../helpers/database-faults.js'
import { startPostgres, type Postgres } from '../helpers/postgres.js'
import { asSecretUser } from '../helpers/secret-search.js'
import { START_FAILURES, searchStartFailure } from '../helpers/start-failures.js'

const TABLES = ['pings', 'installations', 'daily', 'salts', 'collector_migrations']

const BOTH: [title: string, fault: CollectorFault][] = [
  ['that works', async () => {}],
  ...TABLES.map((table): [string, CollectorFault] => [`without ${table}`, (db) => db.query(`ALTER TABLE ${table} RENAME TO gone`)]),
  ...(['pings', 'installations'] as const).map((table): [string, CollectorFault] => (
    [`whose ${table} have no columns of this release`, (db) => db.query(`ALTER TABLE ${table} RENAME COLUMN os_release TO gone`)]))
]

const POSTGRES: [title: string, fault: CollectorFault][] = [
  ['that is full', (db) => db.query(`DO $$ BEGIN
    CREATE FUNCTION be_full () RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN RAISE EXCEPTION ''could not extend file: No space left on device'' USING ERRCODE = ''disk_full''; END';
    CREATE TRIGGER full_disk BEFORE INSERT ON pings FOR EACH ROW EXECUTE FUNCTION be_full(); END $$`)],
  ['whose triggers quote each row', (db) => db.query(`DO $$ BEGIN
    CREATE FUNCTION tell () RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''%'', NEW; END';
    ${TABLES.map((table) => `CREATE TRIGGER told BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION tell()`).join(';')}; END $$`)],
  ['whose rows break a rule', async (db) => {
    for (const table of TABLES) await db.query(`ALTER TABLE ${table} ADD CONSTRAINT broken CHECK (false) NOT VALID`)
  }],
  ['whose columns have another type', (db) => db.query('ALTER TABLE pings ALTER COLUMN os_release TYPE integer USING 0')],
  ['whose partitions are gone', async (db) => {
    const rows = await db.query<{ name: string }>("SELECT inhrelid::regclass AS name FROM pg_inherits WHERE inhparent = 'pings'::regclass")
    assert.ok(rows.length > 0)
    for (const { name } of rows) await db.query(`DROP TABLE ${name}`)
  }]
]

const SQLITE: [title: string, fault: (file: string) => CollectorFault][] = [
  ['that is full', () => async (db) => {
    await db.query("CREATE TRIGGER full_disk BEFORE INSERT ON pings BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END")
  }],
  ['that another process has locked', (file) => async (_db, t) => {
    const other = await openDatabase({ type: 'sqlite', storage: file })
    t.after(() => other.close())
    await other.query('BEGIN EXCLUSIVE')
    // Longer than the driver waits for a lock; a ping is retried for one minute.
    setTimeout(() => { void other.query('COMMIT') }, 3_000)
  }],
  ['that is not a database', (file) => async (db) => {
    await db.query('PRAGMA wal_checkpoint(TRUNCATE)')
    writeFileSync(file, 'no database '.repeat(1_000))
  }],
  ['that has been damaged', (file) => async () => { appendFileSync(`${file}-wal`, 'x'.repeat(100_000)) }]
]

describe('no secret is in the log or the answers of a collector, on SQLite', () => {
  for (const [title, fault] of BOTH) test(title, async (t) => searchCollector(t, await sqliteUrl(t), fault))
  for (const [title, fault] of SQLITE) {
    test(title, async (t) => {
      const url = await sqliteUrl(t)
      await searchCollector(t, url, fault(url.slice('sqlite:'.length)))
    })
  }
})

describe('no secret is in the log or the answers of a collector, on PostgreSQL', () => {
  let postgres: Postgres
  before(async () => { postgres = await startPostgres() })
  after(() => postgres.stop())

  const createUrl = async () => {
    const { user, password, host, port, database } = await asSecretUser(await postgres.createDatabase())
    return `postgres://${user}:${password}@${host}:${port}/${database}`
  }
  for (const [title, fault] of [...BOTH, ...POSTGRES]) test(title, async (t) => searchCollector(t, await createUrl(), fault))
  for (const [title, { strike }] of faultsOfServer) {
    test(title, async (t) => {
      const url = await createUrl()
      await searchCollector(t, url, async () => {
        const { type, ...address } = parsePostgresUrl(url)
        const admin = await openDatabase({ type, ...address, database: 'postgres' })
        t.after(() => admin.close())
        await strike(admin, address)
      })
    })
  }
})

describe('no secret is in the output of a collector that cannot start,', { concurrency: 3 }, () => {
  for (const failure of START_FAILURES) {
    test(failure.title, async (t) => assert.equal(await searchStartFailure(t, failure), failure.code))
  }
})
