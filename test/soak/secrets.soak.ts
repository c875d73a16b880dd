/** Secrets of people and of the installation, in everything that platform and command line say while they fail. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, test, type TestContext } from 'node:test'
import { QueryTypes, type Sequelize } from 'sequelize'
import { stringify } from 'yaml'
import { COMMANDS } from '../../src/cli/commands.js'
import { openDatabase, type DatabaseAddress } from '../../src/database/open.js'
import { migrate } from '../../src/telemetry/store/migrations.js'
import { runCommand, runCommandProcess } from '../cli/run-command.js'
import { Client } from '../helpers/client.js'
import { away, faultsOfServer, fullFile, noRoom, readOnlyFile } from '../helpers/database-faults.js'
import { buildPlatform, temporaryDirectory, type Platform } from '../helpers/platform.js'
import { startPostgres, type Postgres } from '../helpers/postgres.js'
import { runProgram } from '../helpers/program.js'
import { asSecretUser, SecretSearch, SECRETS } from '../helpers/secret-search.js'

const { name, username, email, password, wrongPassword, proxyUser, proxyPassword, urlPassword } = SECRETS
const TABLES = ['Users', 'Sessions', 'PlatformSettings', 'TelemetryPings', 'TelemetryClaims', 'TelemetryDecisions']
const PAGES = ['/', '/health', '/account/login', '/setup', '/admin/settings/telemetry', '/api/v1/settings', '/api/v1/telemetry',
  '/api/v1/telemetry/pings', '/api/v1/telemetry/decisions', '/api/v1/telemetry/preview', '/api/v1/openapi.json', '/nowhere',
  '/admin/settings/telemetry?pings=all', '/admin/settings/telemetry/pings/1', '/admin/settings/telemetry/pings/1/receipt']
const PROXY = { HTTP_PROXY: `http://${proxyUser}:${proxyPassword}@127.0.0.1:9` }

/** At once. */
const PROCESSES = 3

type Strike = (t: TestContext, db: Sequelize, address: DatabaseAddress) => Promise<unknown>

/** What PostgreSQL quotes: a value of another type, a row of a trigger, a row that breaks a rule. */
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
  ['that is no database', async (_t, db, address) => {
    assert.ok(address.type === 'sqlite')
    await db.query('PRAGMA wal_checkpoint(TRUNCATE)')
    writeFileSync(address.storage, `${email} `.repeat(1_000))
  }]
]

const SETTINGS: [string, Strike][] = [
  ['whose settings are unreadable', (_t, db) => db.query(`UPDATE "PlatformSettings" SET "value" = '${email}'`)],
  ...TABLES.map((table): [string, Strike] => [`without ${table}`, (_t, db) => away(table).strike(db)])
]

async function lock (t: TestContext, _db: Sequelize, address: DatabaseAddress): Promise<void> {
  const other = await openDatabase(address)
  t.after(() => other.close())
  await other.query('BEGIN EXCLUSIVE')
}

const WORKS: [string, Strike] = ['that works', async () => {}]

describe('no secret is in the log, the answers and the output of the commands, on a SQLite file', () => {
  for (const [title, strike] of [WORKS, ...SQLITE, ...SETTINGS]) {
    test(title, (t) => searchWith(t, { type: 'sqlite', storage: join(temporaryDirectory(t), 'flowforge.db') }, strike))
  }
})

describe('no secret is in the log, the answers and the output of the commands, on a PostgreSQL', () => {
  let postgres: Postgres
  before(async () => { postgres = await startPostgres() })
  after(() => postgres.stop())
  for (const [title, strike] of [WORKS, ...POSTGRES, ...SETTINGS]) {
    test(title, async (t) => searchWith(t, await asSecretUser(await postgres.createDatabase()), strike))
  }
})

async function searchWith (t: TestContext, address: DatabaseAddress, strike: Strike): Promise<void> {
  const { ssl, ...db } = { ssl: false, ...address }
  const platform = await buildPlatform(t, {
    telemetry: { url: 'http://127.0.0.1:9' }, config: { db }, initialised: false, level: 'trace'
  })
  const { app, home, log } = platform
  const client = new Client(app)
  const search = new SecretSearch()
  search.hide({ ...SECRETS, statement: 'INSERT INTO', parameters: '"parameters"' })
  await finishSetup(client, search)
  await hideKept(platform, search)
  await migrate(app.db.sequelize)
  await strike(t, app.db.sequelize, address)
  const answers = await askAll(client)
  await app.telemetry.send().catch((error: Error) => { app.log.error({ err: error }, 'a ping') })
  search.see('log', ...log.lines.map((line) => JSON.stringify(line)))
  search.assertNone()
  const inAnswers = new SecretSearch()
  // People see their own name and email; the id of the installation is what an administrator asks for.
  inAnswers.hide({ password, wrongPassword, urlPassword, proxyPassword, hash: '$argon2id', statement: 'INSERT INTO' })
  for (const [request, body] of answers) inAnswers.see(request, body)
  inAnswers.assertNone()
  const stranger = new SecretSearch()
  stranger.hide(SECRETS)
  for (const url of PAGES) stranger.see(url, (await new Client(app).get(url)).body)
  stranger.assertNone()
  await searchCommands(home)
}

async function finishSetup (client: Client, search: SecretSearch): Promise<void> {
  const _csrf = await client.csrfToken()
  search.hide({ _csrf })
  await client.post('/setup/create-user', { name, username, email, password, _csrf })
  await client.post('/setup/settings', { telemetry: true, _csrf })
  await client.post('/setup/finish', { _csrf })
  await client.csrfToken('/admin/settings/telemetry')
  search.hide(Object.fromEntries(Object.entries(client.cookies).filter(([, value]) => value)))
}

/** What the database keeps. */
async function hideKept ({ app }: Platform, search: SecretSearch): Promise<void> {
  const [row] = await app.db.sequelize.query<{ password: string }>('SELECT "password" FROM "Users"', { type: QueryTypes.SELECT })
  search.hide({ hash: row!.password, instanceId: app.settings.get('instanceId')! })
}

/** Every page, as a page and as JSON, and everything that changes something. */
async function askAll (client: Client): Promise<[request: string, body: string][]> {
  const bodies: [string, string][] = []
  for (const url of PAGES) {
    for (const accept of ['text/html', 'application/json']) bodies.push([url, (await client.request({ url, headers: { accept } })).body])
  }
  for (const [method, url, payload] of [
    ['POST', '/account/login', { username, password: wrongPassword }],
    ['POST', '/account/login', { username, password }],
    ['POST', '/account/login', { username, password, other: password }],
    ['POST', '/account/login', { username: { email }, password: [password] }],
    ['PUT', '/api/v1/settings', { 'telemetry:enabled': password }],
    ['PUT', '/api/v1/settings', { 'telemetry:enabled': false }],
    ['PUT', '/api/v1/settings', { 'telemetry:enabled': true }],
    ['POST', '/api/v1/telemetry/pings', {}],
    ...['held', 'forget', 'new-id'].flatMap((right) => ['/api/v1/telemetry', '/admin/settings/telemetry'].map((place) => (
      ['POST', `${place}/${right}`, {}] as const))),
    ['POST', '/admin/settings/telemetry', { enabled: true }],
    ['POST', '/admin/settings/telemetry/pings', {}],
    ['POST', '/account/logout', {}]
  ] as const) bodies.push([`${method} ${url} ${Object.keys(payload)}`, (await client.request({ method, url, payload })).body])
  bodies.push(['no JSON', (await client.request({
    method: 'POST', url: '/account/login', headers: { 'content-type': 'application/json' }, payload: `{"password":"${password}`
  })).body])
  return bodies
}

async function searchCommands (home: string): Promise<void> {
  const search = new SecretSearch()
  // Who decided, and the id, are what these commands are for.
  const { username: _username, ...secrets } = SECRETS
  search.hide({ ...secrets, hash: '$argon2id', statement: 'INSERT INTO' })
  const commands = COMMANDS.filter(({ words }) => words !== 'start')
  for (const { words, json } of commands) {
    for (const line of json ? [words, `${words} --json`] : [words]) {
      const { stdout, stderr } = await runCommand(home, line, PROXY)
      search.see(line, stdout, stderr)
    }
  }
  // As processes, too, which also say what no command does: a start, and what Node.js and the drivers write by themselves.
  search.see('start', ...await runStart(home))
  for (let first = 0; first < commands.length; first += PROCESSES) {
    await Promise.all(commands.slice(first, first + PROCESSES).map(async ({ words }, n) => {
      const line = (first + n) % 2 ? words : `${words} --json`
      const { stdout, stderr } = await runCommandProcess(home, line, PROXY)
      search.see(`process ${line}`, stdout, stderr)
    }))
  }
  search.assertNone()
}

/** What the process of the platform says until it listens, or ends because it cannot. */
async function runStart (home: string): Promise<string[]> {
  const program = [...runProgram('src/server.ts'), '--config', join(home, 'flowforge.yml')]
  const child = spawn(process.execPath, program, { env: { ...process.env, ...PROXY, FLOWFORGE_HOME: home, PORT: '0' }, stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.on('data', (bytes: Buffer) => { if (bytes.includes('Server listening')) child.kill('SIGTERM') })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return [stdout, stderr]
}

describe('no secret is in what a process says that cannot start', () => {
  const nobody = { type: 'postgres', host: '127.0.0.1', port: 9, user: 'nobody', password: SECRETS.databasePassword, database: 'none' }
  const configs: [title: string, config: object | string][] = [
    ['with a PostgreSQL that is away', { db: nobody }],
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
