import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import type { FastifyInstance } from 'fastify'
import { Sequelize } from 'sequelize'
import { stringify } from 'yaml'
import { openDatabase } from '../../src/database/open.js'
import { loadSqliteDriver } from '../../src/database/sqlite-driver.js'
import { temporaryDirectory } from '../helpers/platform.js'
import { freePort, startPostgres } from '../helpers/postgres.js'
import { without } from '../helpers/tools.js'
import { runProgram } from '../helpers/program.js'
import { isSoak, someOf } from '../helpers/soak.js'
import { runCommand, runCommandProcess } from './run-command.js'

/** Several times what a start takes. */
const LONGEST_START_MS = 20_000

/** How long a platform waits for the answer of a PostgreSQL. */
const CONNECT_MS = 5_000

const telemetry = { url: 'http://127.0.0.1:1/' }

function configure (t: TestContext, config: Record<string, unknown>): string {
  const home = temporaryDirectory(t)
  writeFileSync(join(home, 'flowforge.yml'), stringify({ host: '127.0.0.1', port: 0, telemetry, ...config }))
  return home
}

/** A SQLite file of another program, without a write-ahead log. */
async function openSqlite (storage: string): Promise<Sequelize> {
  return new Sequelize({ dialect: 'sqlite', dialectModule: await loadSqliteDriver(), storage, logging: false })
}

/**
 * Starts a platform that cannot start; resolves to its exit code and the one sentence it prints. Should it start after all,
 * it is stopped: in this process after the test, in a process of its own after a time.
 */
async function startInVain (t: TestContext, home: string, env?: Record<string, string>) {
  stopAfter(t)
  const { code, stderr } = await (env ? startProcessInVain(home, env) : runCommand(home, 'start'))
  assert.match(stderr, /^[^\n]+\n$/)
  return { code, sentence: stderr.trim() }
}

/** Stops each platform that is made in this process during the test. */
function stopAfter (t: TestContext): void {
  const made: FastifyInstance[] = []
  const note = (message: unknown) => { made.push((message as { fastify: FastifyInstance }).fastify) }
  subscribe('fastify.initialization', note)
  t.after(async () => {
    unsubscribe('fastify.initialization', note)
    await Promise.all(made.map((app) => app.close()))
  })
}

async function startProcessInVain (home: string, env: Record<string, string>): Promise<{ code: number | null, stderr: string }> {
  const program = [...runProgram('src/server.ts'), '--config', join(home, 'flowforge.yml')]
  const child = spawn(process.execPath, program, {
    env: { ...process.env, FLOWFORGE_HOME: home, ...env }, stdio: ['ignore', 'ignore', 'pipe'], timeout: LONGEST_START_MS, killSignal: 'SIGKILL'
  })
  const [[code], stderr] = await Promise.all([once(child, 'close'), text(child.stderr)])
  return { code: code as number | null, stderr }
}

/** Lets SQLite give up at once on a file that is locked; Sequelize tries five times, for a second each. */
async function hurrySqlite (t: TestContext): Promise<void> {
  const driver = await loadSqliteDriver() as { Database: new (...args: unknown[]) => { configure: (option: string, value: number) => void } }
  const { Database } = driver
  driver.Database = class extends Database {
    constructor (...args: unknown[]) {
      super(...args)
      this.configure('busyTimeout', 1)
    }
  }
  t.after(() => { driver.Database = Database })
}

describe('flowforge start explains in one sentence, with a remedy and an exit code,', () => {
  test('that its port is in use', async (t) => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    t.after(() => { other.close() })
    const { port } = other.address() as AddressInfo
    const { code, sentence } = await startInVain(t, configure(t, { port }))
    assert.equal(code, 69)
    assert.match(sentence, new RegExp(`^Port ${port} on 127.0.0.1 is already in use. Stop what uses it, or choose another`))
  })

  test('that its host is not an address of this machine', async (t) => {
    const { code, sentence } = await startInVain(t, configure(t, { host: '192.0.2.1' }))
    assert.equal(code, 78)
    assert.match(sentence, /^192\.0\.2\.1 is not an address of this machine\. Correct host/)
  })

  test('that its database cannot be reached', async (t) => {
    const db = { type: 'postgres', host: '127.0.0.1', port: await freePort() }
    const { code, sentence } = await startInVain(t, configure(t, { db }))
    assert.equal(code, 69)
    assert.match(sentence, /^The PostgreSQL at 127\.0\.0\.1:\d+ does not answer \(ECONNREFUSED\)\. Start it, or correct db\.host/)
  })

  test('that its data directory is not writable', async (t) => {
    const home = configure(t, {})
    writeFileSync(join(home, 'var'), 'a file where the directory should be')
    const { code, sentence } = await startInVain(t, home)
    assert.equal(code, 73)
    assert.match(sentence, /^The database file .*flowforge\.db cannot be written \(EEXIST\)\. Let the user who runs FlowForge write to/)
  })

  test('that its database file is not a database', async (t) => {
    const storage = join(temporaryDirectory(t), 'letter.txt')
    writeFileSync(storage, 'Dear reader, this is not a database, however long it may be. '.repeat(99))
    const { code, sentence } = await startInVain(t, configure(t, { db: { storage } }))
    assert.equal(code, 69)
    assert.match(sentence, /letter\.txt is not a database that can be read\. Bring it back from a backup/)
  })

  test('that its database file belongs to another program, and stays unchanged', async (t) => {
    const storage = join(temporaryDirectory(t), 'theirs.db')
    const theirs = await openSqlite(storage)
    await theirs.query('CREATE TABLE "PlatformSettings" (key TEXT PRIMARY KEY, value TEXT, "valueType" INTEGER)')
    await theirs.close()
    chmodSync(storage, 0o644)
    const stateOf = () => [readFileSync(storage, 'hex'), statSync(storage).mode, readdirSync(dirname(storage))]
    const before = stateOf()
    const home = configure(t, { db: { storage } })
    for (const command of ['start', 'telemetry status', 'telemetry off']) {
      const { code, stderr } = await runCommand(home, command)
      assert.match(stderr, /^.*theirs\.db is not FlowForge's: it has the tables of another program \(PlatformSettings\)\.[^\n]+\n$/)
      assert.equal(code, 78, command)
    }
    assert.deepEqual(stateOf(), before)
  })

  test('that its PostgreSQL database belongs to another program, or its user may not create tables', async (t) => {
    const postgres = await startPostgres()
    t.after(() => postgres.stop())
    const { type, ssl, ...address } = await postgres.createDatabase()
    const admin = await openDatabase({ type, ssl, ...address })
    t.after(() => admin.close())
    await admin.query("CREATE ROLE newcomer LOGIN PASSWORD 'flowforge'").catch(() => { /* exists from an earlier test */ })
    // As PostgreSQL has it since version 15.
    await admin.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC')
    const refused = await startInVain(t, configure(t, { db: { type, ...address, user: 'newcomer' } }))
    assert.equal(refused.code, 78)
    assert.match(refused.sentence, /does not let db\.user create tables in db\.database: permission denied for schema public\. Grant that user/)
    await admin.query('CREATE TABLE theirs (id INTEGER)')
    const foreign = await startInVain(t, configure(t, { db: { type, ...address } }))
    assert.equal(foreign.code, 78)
    assert.match(foreign.sentence, /^The database at .* is not FlowForge's: it has the tables of another program \(theirs\)/)
    const [tables] = await admin.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert.deepEqual(tables, [{ tablename: 'theirs' }])
  })

  test('that its database accepts a connection but does not answer', async (t) => {
    const silent = createServer((socket) => { socket.on('error', () => {}).resume() }).listen(0, '127.0.0.1')
    t.after(() => { silent.close() })
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const { setTimeout } = globalThis
    t.mock.method(globalThis, 'setTimeout', (act: () => void, ms: number, ...args: []) => (
      setTimeout(act, ms === CONNECT_MS ? CONNECT_MS / 50 : ms, ...args)))
    const { code, sentence } = await startInVain(t, configure(t, { db: { type: 'postgres', host: '127.0.0.1', port } }))
    assert.equal(code, 69)
    assert.match(sentence, /^The PostgreSQL at 127\.0\.0\.1:\d+ does not answer \(timeout\)\. Start it/)
  })

  test('that db.storage is a directory', async (t) => {
    const { code, sentence } = await startInVain(t, configure(t, { db: { storage: temporaryDirectory(t) } }))
    assert.equal(code, 78)
    assert.match(sentence, / is a directory\. Name a file with db\.storage/)
  })

  test('that another process has locked its database file', async (t) => {
    const storage = join(temporaryDirectory(t), 'locked.db')
    const holder = await openSqlite(storage)
    t.after(() => holder.close())
    await holder.query('CREATE TABLE "PlatformMigrations" (name TEXT)')
    await holder.query('BEGIN EXCLUSIVE')
    await hurrySqlite(t)
    const { code, sentence } = await startInVain(t, configure(t, { db: { storage } }))
    assert.equal(code, 69)
    assert.match(sentence, /^Another process holds the database file .*locked\.db locked/)
  })

  for (const [what, env, reason] of someOf([
    ['has no binary for this machine', { npm_config_arch: 's390x' }, /No native build was found for platform=\w+ arch=s390x/],
    ['has a binary for another C library', { LIBC: existsSync('/etc/alpine-release') ? 'glibc' : 'musl' }, /libc|musl/]
  ] as const, 0)) {
    test(`that the SQLite driver ${what}`, async (t) => {
      const { code, sentence } = await startInVain(t, configure(t, {}), env)
      assert.equal(code, 69)
      assert.match(sentence, /^The SQLite driver cannot be loaded: .+\. Install the dependencies with "npm ci"\./)
      assert.match(sentence, reason)
    })
  }
})

describe('flowforge', () => {
  test('lists its commands, its options and its exit codes', async (t) => {
    const { code, stdout } = await runCommandProcess(configure(t, {}), '--help')
    assert.equal(code, 0)
    for (const word of ['start', 'telemetry preview', '--config FILE', '--json', '69']) assert.ok(stdout.includes(word), word)
  })

  for (const [words, problem] of [
    ['telemetry stat', 'there is no command "telemetry stat". See: flowforge --help'],
    ['telemetry', 'a command is missing. See: flowforge telemetry --help'],
    ['start --json', 'flowforge start does not print JSON. See: flowforge start --help'],
    ['telemetry send --now', "Unknown option '--now'. See: flowforge --help"]
  ] as const) {
    test(`refuses "flowforge ${words}" with exit code 64`, async (t) => {
      assert.deepEqual(await runCommand(configure(t, {}), words), { code: 64, stdout: '', stderr: `flowforge: ${problem}\n` })
    })
  }
})

describe('flowforge start on a terminal', { skip: without('python3') }, () => {
  test('shows its address, the state of telemetry, and where to change it', async (t) => {
    const home = configure(t, {})
    const shown = await startOnTerminal(home)
    assert.match(shown, /FlowForge 0\.\d+\.\d+ is ready at http:\/\/127\.0\.0\.1:\d+/)
    assert.match(shown, /Telemetry is off: the setup is not finished\./)
    assert.match(shown, /Finish the setup at http:\/\/127\.0\.0\.1:\d+\/setup/)
    assert.ok(!shown.includes('{"level"'))
  })

  test('shows warnings as text', async (t) => {
    const home = configure(t, { telemetry: { ...telemetry, enabled: 'off' } })
    const shown = isSoak ? await startOnTerminal(home) : await startAsOnTerminal(t, home)
    assert.match(shown, /warning: Telemetry is off: .*sets telemetry\.enabled to 'off'/)
    assert.match(shown, /Only the operator can change this, in the place named above\./)
  })
})

/** Starts a platform on a new terminal, stops it with Ctrl+C after the greeting, and resolves to its output. */
async function startOnTerminal (home: string): Promise<string> {
  const { stdout } = await promisify(execFile)('python3', ['test/cli/terminal.py', 'Ctrl+C stops it', process.execPath,
    ...runProgram('src/server.ts'), '--config', join(home, 'flowforge.yml')],
  { env: { ...process.env, FLOWFORGE_HOME: home } })
  return stdout
}

/** Starts a platform in this process as on a terminal, until its test ends; resolves to its output. */
async function startAsOnTerminal (t: TestContext, home: string): Promise<string> {
  stopAfter(t)
  const { isTTY } = process.stdout
  process.stdout.isTTY = true
  const { stdout } = await runCommand(home, 'start').finally(() => { process.stdout.isTTY = isTTY })
  return stdout
}
