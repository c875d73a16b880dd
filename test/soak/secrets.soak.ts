/** Searches all output of a failing platform and command line for secrets of people and of the installation. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import { stringify } from 'yaml'
import { COMMANDS } from '../../src/cli/commands.js'
import { openDatabase, type DatabaseAddress } from '../../src/database/open.js'
import { runCommand, runCommandProcess } from '../cli/run-command.js'
import { away, faultsOfServer, fullFile, noRoom, readOnlyFile } from '../helpers/database-faults.js'
import { PROXY, searchWith, type Strike } from '../helpers/platform-secrets.js'
import { temporaryDirectory } from '../helpers/platform.js'
import { startPostgres, type Postgres } from '../helpers/postgres.js'
import { asSecretUser, SecretSearch, SECRETS } from '../helpers/secret-search.js'

const { email, urlPassword } = SECRETS
const TABLES = ['Users', 'Sessions', 'PlatformSettings', 'TelemetryPings', 'TelemetryClaims', 'TelemetryDecisions']

/** Faults whose errors quote values on PostgreSQL: another type, a trigger, a violated constraint. */
const POSTGRES: [string, Strike][] = [
  ...faultsOfServer.map(([title, { strike }]): [string, Strike] => [title, async (t, _db, address) => {
    assert.ok(address.type === 'postgres')
    const admin = await openDatabase({ ...address, database: 'postgres' })
    t.after(() => admin.close())
    await strike(admin, address)
  }]),
  ['that is full', (_t, db) => noRoom('TRIGGER full_disk BEFORE INSERT ON "Sessions"', 'trigger').strike(db)],
  ['whose trigger quotes each row', (_t, db) => db.query(`
    CREATE FUNCTION tell () RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''%'', NEW; END';
    ${TABLES.map((table) => `CREATE TRIGGER told BEFORE INSERT OR UPDATE ON "${table}" FOR EACH ROW EXECUTE FUNCTION tell()`).join(';')}`)],
  ['whose columns have another type', async (_t, db) => {
    for (const [table, column] of [['PlatformSettings', 'value'], ['TelemetryPings', 'body'], ['TelemetryDecisions', 'who']]) {
      await db.query(`ALTER TABLE "${table}" ALTER COLUMN "${column}" TYPE integer USING 0`)
    }
  }],
  ['whose rows break a rule', async (_t, db) => {
    for (const table of TABLES) await db.query(`ALTER TABLE "${table}" ADD CONSTRAINT broken CHECK (false) NOT VALID`)
  }]
]

const SQLITE: [string, Strike][] = [
  ['that is full', (t, db) => fullFile(t, true).strike(db)],
  ['that is read-only', (t, db) => readOnlyFile(t).strike(db)],
  ['that another process has locked', lock],
  ['that is not a database', async (_t, db, address) => {
    assert.ok(address.type === 'sqlite')
    await db.query('PRAGMA wal_checkpoint(TRUNCATE)')
    writeFileSync(address.storage, `${email} `.repeat(1_000))
  }]
]

const SETTINGS: [string, Strike][] = [
  ['whose settings are unreadable', (_t, db) => db.query(`UPDATE "PlatformSettings" SET "value" = '${email}'`)],
  ...TABLES.map((table): [string, Strike] => [`without ${table}`, (_t, db) => away(table).strike(db)])
]

async function lock (t: TestContext, _db: unknown, address: DatabaseAddress): Promise<void> {
  const other = await openDatabase(address)
  t.after(() => other.close())
  await other.query('BEGIN EXCLUSIVE')
}

const WORKS: [string, Strike] = ['that works', async () => {}]

describe('no secret is in the log, the answers or the output of the commands, on a SQLite file', () => {
  for (const [title, strike] of [WORKS, ...SQLITE, ...SETTINGS]) {
    test(title, (t) => searchWith(t, { type: 'sqlite', storage: join(temporaryDirectory(t), 'flowforge.db') }, strike))
  }
})

describe('no secret is in the log, the answers or the output of the commands, on a PostgreSQL', () => {
  let postgres: Postgres
  before(async () => { postgres = await startPostgres() })
  after(() => postgres.stop())
  for (const [title, strike] of [WORKS, ...POSTGRES, ...SETTINGS]) {
    test(title, async (t) => searchWith(t, await asSecretUser(await postgres.createDatabase()), strike))
  }
})

describe('no secret is in the output of a process that cannot start', () => {
  const nobody = { type: 'postgres', host: '127.0.0.1', port: 9, user: 'nobody', password: SECRETS.databasePassword, database: 'none' }
  const configs: [title: string, config: object | string][] = [
    ['with a PostgreSQL that is down', { db: nobody }],
    ['with a URL for its database', { db: `postgres://u:${SECRETS.databasePassword}@h/d` }],
    ['with a URL for its host', { db: { ...nobody, host: `u:${SECRETS.databasePassword}@h` } }],
    ['with a base_url with a password', { base_url: `https://u:${urlPassword}@h` }],
    ['with a URL of telemetry with a password', { telemetry: { url: `https://u:${urlPassword}@h/`, enabled: true }, db: nobody }],
    ['with a mistyped file', `db:\n  password: "${SECRETS.databasePassword}\n${urlPassword}: [`]
  ]
  for (const [title, config] of configs) {
    test(title, async (t) => {
      const home = temporaryDirectory(t)
      writeFileSync(join(home, 'flowforge.yml'), typeof config === 'string' ? config : stringify({ port: 0, logging: { level: 'trace' }, ...config }))
      const search = new SecretSearch()
      search.hide(SECRETS)
      for (const { words } of COMMANDS) {
        const { code, stdout, stderr } = words === 'start' ? await runCommandProcess(home, words, PROXY) : await runCommand(home, words, PROXY)
        if (words === 'start') assert.notEqual(code, 0)
        search.see(words, stdout, stderr)
      }
      search.assertNone()
      assert.ok(readFileSync(join(home, 'flowforge.yml')).length > 0)
    })
  }
})
