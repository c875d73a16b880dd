/** A collector that cannot start prints one line naming the setting, sets an exit code and changes nothing. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import { Sequelize } from 'sequelize'
import { buildCollector } from '../../src/collector/app.js'
import { explainFailure } from '../../src/collector/explain-failure.js'
import { readSettings } from '../../src/collector/settings.js'
import { openDatabase } from '../../src/database/open.js'
import { loadSqliteDriver } from '../../src/database/sqlite-driver.js'
import { listen } from '../../src/process/listen.js'
import { temporaryDirectory } from '../helpers/platform.js'
import { freePort, startPostgres, type Postgres, type PostgresAddress } from '../helpers/postgres.js'
import { inSoak, someOf } from '../helpers/soak.js'
import { giveToUnknownUser, runAsUnknownUser } from '../helpers/unknown-user.js'
import { runCollector } from './run-collector.js'
import { KEY, sqliteUrl, startCollector } from './start-collector.js'

const SECRET = 'a-secret-of-the-url'

/** An unused connection of a pool holds its process for 10 seconds. */
const HELD_MS = 9_000

const IN_WHICH_FORM = /^COLLECTOR_DATABASE_URL is not in the expected form\. `sqlite:FILE`, or `postgres:/

const urlOf = ({ user, password, host, port, database }: PostgresAddress) => `postgres://${user}:${password}@${host}:${port}/${database}`

/**
 * Starts a collector that cannot start, in this process or, in the soak, as one of its own, which takes a second.
 *
 * @returns its exit code and what it says after "did not start"
 */
const startInVain = inSoak(startProcessInVain, startHereInVain)

async function startHereInVain (t: TestContext, url: string, environment: Record<string, string> = {}) {
  try {
    const settings = readSettings({ COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_DATABASE_URL: url, COLLECTOR_PORT: '0', ...environment })
    const app = await buildCollector({ ...settings, logLevel: 'silent' })
    t.after(() => app.close())
    await listen(app, settings)
  } catch (error) {
    const { reason, exitCode } = explainFailure(error)
    return readReason(exitCode, `the collector did not start: ${reason}\n`)
  }
  return assert.fail('it started')
}

async function startProcessInVain (t: TestContext, url: string, environment: Record<string, string> = {}) {
  const { child } = runCollector(t, { COLLECTOR_DATABASE_URL: url, COLLECTOR_PORT: '0', ...environment })
  let [said, since] = ['', Infinity]
  child.stderr!.on('data', (text) => {
    said += text
    since = Math.min(since, performance.now())
  })
  const [code] = await once(child, 'close')
  assert.ok(performance.now() - since < HELD_MS, 'nothing holds the process after it has said why')
  return readReason(code, said)
}

function readReason (code: unknown, said: string) {
  const [, reason] = /^the collector did not start: ([^\n]+)\n$/.exec(said) ?? assert.fail(said)
  assert.doesNotMatch(said, new RegExp(SECRET))
  return { code, reason: reason! }
}

describe('a collector that cannot start prints the reason in one line:', { concurrency: 3 }, () => {
  let postgres: Postgres
  before(async () => { postgres = await startPostgres() })
  after(() => postgres.stop())

  for (const [title, environment] of someOf([
    ['no binary of the SQLite driver', { npm_config_arch: 's390x' }],
    ['a binary for another C library', { LIBC: 'musl' }]
  ] as const, 1)) {
    test(title, async (t) => {
      const { code, reason } = await startProcessInVain(t, await sqliteUrl(t), environment)
      assert.match(reason, /^The SQLite driver cannot be loaded: .+\. Install the dependencies with "npm ci"\./)
      assert.equal(code, 69)
    })
  }

  test('a SQLite database in memory', async (t) => {
    const { code, reason } = await startInVain(t, 'sqlite::memory:')
    assert.match(reason, IN_WHICH_FORM)
    assert.equal(code, 78)
  })

  for (const url of ['sqlite:file::memory:', 'sqlite:', 'sqlite: ', 'sqlite:folder/', `mysql://a:${SECRET}@h/d`, 'postgres://']) {
    test(`the database URL ${url}`, () => {
      assert.throws(() => readSettings({ COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_DATABASE_URL: url }), (error) => {
        const { reason, exitCode } = explainFailure(error)
        assert.match(reason, IN_WHICH_FORM)
        assert.doesNotMatch(reason, new RegExp(SECRET))
        return exitCode === 78
      })
    })
  }

  for (const url of [`postgres://a:${SECRET}@h:port/d`, `postgres://a:${SECRET}%@h/d`, `postgres://a:${SECRET}/@h/d`]) {
    test(`the database URL ${url}`, async (t) => {
      const { code, reason } = await startInVain(t, url)
      assert.match(reason, /^COLLECTOR_DATABASE_URL cannot be read as a URL\. In a password write %25 for a %/)
      assert.equal(code, 78)
    })
  }

  test('a SQLite file of another program, which stays unchanged', async (t) => {
    const storage = join(temporaryDirectory(t), 'theirs.db')
    const theirs = new Sequelize({ dialect: 'sqlite', dialectModule: await loadSqliteDriver(), storage, logging: false })
    await theirs.query('CREATE TABLE pings (id INTEGER)')
    await theirs.close()
    chmodSync(storage, 0o644)
    const stateOf = () => [readFileSync(storage, 'hex'), statSync(storage).mode, readdirSync(dirname(storage))]
    const before = stateOf()
    const { code, reason } = await startInVain(t, `sqlite:${storage}`)
    assert.match(reason, /^the database of COLLECTOR_DATABASE_URL is not the collector's: it has the tables of another program \(pings\)\. Nothing/)
    assert.equal(code, 78)
    assert.deepEqual(stateOf(), before)
  })

  test('a PostgreSQL database of another program, which stays unchanged', async (t) => {
    const address = await postgres.createDatabase()
    const admin = await openDatabase(address)
    t.after(() => admin.close())
    await admin.query('CREATE TABLE theirs (id INTEGER)')
    const { code, reason } = await startProcessInVain(t, urlOf(address))
    assert.match(reason, /COLLECTOR_DATABASE_URL is not the collector's: it has the tables of another program \(theirs\)\. Nothing in it was changed/)
    assert.equal(code, 78)
    const [tables] = await admin.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert.deepEqual(tables, [{ tablename: 'theirs' }])
  })

  test('a PostgreSQL user who is unknown or lacks rights, and a missing database', async (t) => {
    const address = await postgres.createDatabase()
    const admin = await openDatabase(address)
    t.after(() => admin.close())
    await admin.query(`CREATE ROLE guest LOGIN PASSWORD '${SECRET}'`).catch(() => { /* exists from an earlier run */ })
    // As PostgreSQL has it since version 15.
    await admin.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC')
    const guest = { ...address, user: 'guest', password: SECRET }
    const refused = await startInVain(t, urlOf(guest))
    assert.match(refused.reason, /^permission denied for schema public\. The user of COLLECTOR_DATABASE_URL needs the right: GRANT CREATE ON SCHEMA/)
    await admin.query(`ALTER DATABASE ${address.database} SET default_transaction_read_only = on`)
    const readOnly = await startInVain(t, urlOf(address))
    assert.match(readOnly.reason, /^cannot execute .+ in a read-only transaction\. Name the primary server in COLLECTOR_DATABASE_URL/)
    const unknown = await startInVain(t, urlOf({ ...guest, password: `not ${SECRET}` }))
    assert.match(unknown.reason, /^PostgreSQL refuses the user or the password\. Correct COLLECTOR_DATABASE_URL/)
    const missing = await startInVain(t, urlOf({ ...address, database: 'nowhere' }))
    assert.match(missing.reason, /^database "nowhere" does not exist\. Correct COLLECTOR_DATABASE_URL/)
    assert.deepEqual([refused, readOnly, unknown, missing].map(({ code }) => code), [78, 78, 78, 78])
  })

  test('a PostgreSQL that is older than 12, by what version 11 answers', () => {
    const answer = Object.assign(new Error('unrecognized configuration parameter "plan_cache_mode"'), { code: '42704' })
    assert.deepEqual(explainFailure(answer), { reason: `${answer.message}. PostgreSQL has to be version 12 or later`, exitCode: 78 })
  })

  test('a fault that it does not know, with its own words', () => {
    assert.deepEqual(explainFailure(new Error('not seen before')), { reason: 'not seen before', exitCode: 1 })
  })

  test('a PostgreSQL that refuses the connection, cannot be resolved, or does not answer', async (t) => {
    const silent = createServer((socket) => { socket.on('error', () => {}).resume() }).listen(0, '127.0.0.1')
    t.after(() => { silent.close() })
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    await Promise.all([`127.0.0.1:${await freePort()}`, 'nowhere.invalid', `127.0.0.1:${port}`].map(async (place) => {
      const { code, reason } = await startInVain(t, `postgres://a:${SECRET}@${place}/c`)
      assert.match(reason, /^the database of COLLECTOR_DATABASE_URL does not answer: .+/)
      assert.equal(code, 1, place)
    }))
  })

  test('a folder, a text file, or a path below a file instead of a database', async (t) => {
    const folder = temporaryDirectory(t)
    const letter = join(folder, 'letter.txt')
    writeFileSync(letter, 'Dear reader, this is not a database, however long it may be. '.repeat(99))
    for (const file of [folder, letter, join(letter, 'collector.db')]) {
      const { code, reason } = await startInVain(t, `sqlite:${file}`)
      assert.match(reason, /\. Name another file in COLLECTOR_DATABASE_URL$/)
      assert.equal(code, 78, file)
    }
  })

  test('a folder or a file that is not writable', async (t) => {
    const folder = temporaryDirectory(t)
    const { app } = await startCollector(t, `sqlite:${folder}/collector.db`)
    await app.close()
    giveToUnknownUser(folder)
    mkdirSync(join(folder, 'empty'))
    chmodSync(join(folder, 'empty'), 0o555)
    chmodSync(join(folder, 'collector.db'), 0o400)
    chmodSync(folder, 0o555)
    for (const file of someOf(['collector.db', 'empty/collector.db'], 1)) {
      const { code, stderr } = await runAsUnknownUser('src/collector/server.ts', [], {
        COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_PORT: '0', COLLECTOR_DATABASE_URL: `sqlite:${join(folder, file)}`
      })
      assert.match(readReason(code, stderr).reason, /\. The file of COLLECTOR_DATABASE_URL cannot be written: let the user of the collector write to it/)
      assert.equal(code, 73, file)
    }
    for (const each of [folder, join(folder, 'empty')]) chmodSync(each, 0o755)
  })

  test('a port in use, an address of another machine, or an invalid host', async (t) => {
    const other = createServer().listen(0, '127.0.0.1')
    t.after(() => { other.close() })
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    for (const [name, value] of [['PORT', String(port)], ['HOST', '192.0.2.1'], ['HOST', 'nowhere.invalid']] as const) {
      const start = name === 'PORT' ? startProcessInVain : startInVain
      const { code, reason } = await start(t, await sqliteUrl(t), { [`COLLECTOR_${name}`]: value })
      assert.match(reason, /\. Correct COLLECTOR_HOST or COLLECTOR_PORT, or stop what uses the port$/)
      assert.equal(code, 1)
    }
  })
})
