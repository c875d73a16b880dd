/** Runs each command of docs/operations.md, in a directory that replaces the root of a machine. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import type { Sequelize } from 'sequelize'
import { openDatabase, type DatabaseAddress } from '../../src/database/open.js'
import { PING, startCollector } from '../collector/start-collector.js'
import { parseVariables } from '../deploy/unit-file.js'
import { setUp } from '../helpers/client.js'
import { buildPlatform, temporaryDirectory } from '../helpers/platform.js'
import { freePort } from '../helpers/postgres.js'
import { without } from '../helpers/tools.js'
import { runProgram } from '../helpers/program.js'

const run = promisify(execFile)
const telemetry = { url: 'http://127.0.0.1:1/' }

const blocks = [...readFileSync('docs/operations.md', 'utf8').matchAll(/```sh\n([^]*?)```/g)].map(([, block]) => block!)

/** A pattern that finds each block. */
const INSTALL = /^npm ci/
const KEY = /collector\.env/
const STATUS = /telemetry status/
const SECRETS = /^install .*deploy\/\.env/
const BACKUP = /VACUUM INTO/
const SALTS = /DELETE FROM salts/
const RESTORE = /flowforge\.db-wal/
const DUMP = /^pg_dump/
const LOAD = /^pg_restore/
const CLONE = /telemetry new-id/

/** Commands for systemd or a container engine; test/deploy does what those would do. */
const ELSEWHERE = /^(systemctl|journalctl|docker|npm) .*\n?/gm

const withoutSqlite = without('sqlite3')

/** Runs a block of the document with its paths moved below a directory. */
async function runBlock (root: string, pattern: RegExp, replace: Record<string, string> = {}, environment: Record<string, string> = {}): Promise<string> {
  const block = blocks.find((each) => pattern.test(each))!.replace(ELSEWHERE, '')
  const places = {
    ...Object.fromEntries(['/etc/', '/opt/', '/var/lib/', '/var/backups/'].map((folder) => [folder, root + folder])),
    'deploy/.env': `${root}/.env`,
    ...replace
  }
  const script = Object.entries(places).reduce((text, [from, to]) => text.replaceAll(from, to), block)
  for (const folder of ['etc/systemd/system', 'etc/flowforge', 'opt', 'var/backups', 'var/lib']) mkdirSync(join(root, folder), { recursive: true })
  const { stdout } = await run('sh', ['-euc', script], { env: { ...process.env, ...environment } })
  return stdout
}

/** The program of this repository in place of the command that a block runs. */
function commandLineOf (root: string): Record<string, string> {
  const program = ['node', ...runProgram('src/cli/index.ts')].map((word) => `'${word}'`).join(' ')
  return { [`node ${root}/opt/flowforge/bin/flowforge.js`]: program }
}

test('every block of commands is run', () => {
  const patterns = [INSTALL, KEY, STATUS, SECRETS, BACKUP, SALTS, RESTORE, DUMP, LOAD, CLONE]
  for (const pattern of patterns) assert.equal(blocks.filter((block) => pattern.test(block)).length, 1, String(pattern))
  const rest = blocks.filter((block) => !patterns.some((pattern) => pattern.test(block)))
  assert.deepEqual(rest.map((block) => block.replace(ELSEWHERE, '')), rest.map(() => ''))
})

describe('installing', { skip: without('install', 'ln', 'rm') }, () => {
  test('with systemd installs units, configuration and key', async (t) => {
    const root = temporaryDirectory(t)
    await runBlock(root, INSTALL)
    assert.deepEqual(readdirSync(join(root, 'etc/systemd/system')), ['flowforge-collector.service', 'flowforge.service'])
    assert.ok(existsSync(join(root, 'etc/flowforge/flowforge.yml')))
    await runBlock(root, KEY)
    const file = join(root, 'etc/flowforge/collector.env')
    assert.match(readFileSync(file, 'utf8'), /^COLLECTOR_IP_HASH_KEY=[0-9a-f]{64}\n$/)
    assert.equal(statSync(file).mode & 0o777, 0o600)
  })

  test('with containers creates what the compose file requires', async (t) => {
    const root = temporaryDirectory(t)
    await runBlock(root, SECRETS)
    const wanted = readFileSync('deploy/platform.compose.yml', 'utf8').matchAll(/\$\{(\w+)/g)
    assert.deepEqual(Object.keys(parseVariables(readFileSync(join(root, '.env'), 'utf8'))).toSorted(),
      [...new Set([...wanted].map(([, name]) => name!))].toSorted())
    assert.equal(statSync(join(root, '.env')).mode & 0o777, 0o600)
  })

  test('lets the command line find the configuration and the data', async (t) => {
    const root = temporaryDirectory(t)
    mkdirSync(join(root, 'etc/flowforge'), { recursive: true })
    writeFileSync(join(root, 'etc/flowforge/flowforge.yml'), `telemetry: { enabled: false, url: "${telemetry.url}" }\n`)
    const home = join(root, 'var/lib/flowforge')
    mkdirSync(home, { recursive: true })
    await (await buildPlatform(t, { telemetry, home })).app.close()
    const output = await runBlock(root, STATUS, commandLineOf(root))
      .catch(({ stdout }: { stdout: string }) => stdout)
    assert.match(output, /etc\/flowforge\/flowforge\.yml/)
  })
})

describe('SQLite', { skip: withoutSqlite }, () => {
  test('a backup of a running platform restores its decision and id, and a clone gets a new id', async (t) => {
    const root = temporaryDirectory(t)
    const home = join(root, 'var/lib/flowforge')
    mkdirSync(home, { recursive: true })
    const { app } = await buildPlatform(t, { telemetry, home, initialised: false })
    await setUp(app, false)
    const instanceId = app.settings.get('instanceId')
    await runBlock(root, BACKUP)
    assert.equal(statSync(join(root, 'var/backups/flowforge.db')).mode & 0o777, 0o600)
    await app.settings.set('instanceId', randomUUID())
    await app.close()
    writeFileSync(join(home, 'var/flowforge.db-wal'), 'of another database')
    await runBlock(root, RESTORE)
    const restored = await buildPlatform(t, { telemetry, home })
    assert.equal(restored.app.settings.get('telemetry:enabled'), false)
    assert.equal(restored.app.settings.get('instanceId'), instanceId)
    await restored.app.close()
    mkdirSync(join(root, 'etc/flowforge'), { recursive: true })
    writeFileSync(join(root, 'etc/flowforge/flowforge.yml'), `telemetry: { url: "${telemetry.url}" }\n`)
    await runBlock(root, CLONE, commandLineOf(root))
    const clone = await buildPlatform(t, { telemetry, home })
    assert.match(String(clone.app.settings.get('instanceId')), /^[0-9a-f-]{36}$/)
    assert.notEqual(clone.app.settings.get('instanceId'), instanceId)
  })

  test('a backup of the collector has its pings and no salt', async (t) => {
    const root = temporaryDirectory(t)
    const directory = join(root, 'var/lib/flowforge-collector')
    mkdirSync(directory, { recursive: true })
    const { post } = await startCollector(t, `sqlite:${directory}/collector.db`)
    await post(PING)
    const names = { 'flowforge/var/flowforge.db': 'flowforge-collector/collector.db', 'backups/flowforge.db': 'backups/collector.db' }
    await runBlock(root, BACKUP, names)
    const file = join(root, 'var/backups/collector.db')
    const before = await readRows({ type: 'sqlite', storage: file }, 'SELECT salt FROM salts')
    assert.equal(before.length, 1)
    await runBlock(root, SALTS)
    assert.ok(!readFileSync(file).includes(String(before[0]!.salt)))
    assert.equal((await readRows({ type: 'sqlite', storage: file }, 'SELECT * FROM pings')).length, 1)
  })
})

const tools = findPostgres()

describe('PostgreSQL', { skip: without('setpriv', 'chown') || (tools === undefined && 'needs root, pg_dump and a server of the same release') }, () => {
  let server: Awaited<ReturnType<typeof startServer>>
  before(async () => { server = await startServer() })
  after(() => server.stop())

  test('a dump restores the decision of a platform, and the pings of a collector without a salt', async (t) => {
    const root = temporaryDirectory(t)
    const environment = { PGHOST: '127.0.0.1', PGPORT: String(server.port), PGUSER: 'flowforge', PATH: `${tools}:${process.env.PATH}` }
    const address = { type: 'postgres', host: '127.0.0.1', port: server.port, user: 'flowforge', database: 'flowforge', ssl: false } as const
    const config = { db: { ...address, ssl: undefined } }
    const { app } = await buildPlatform(t, { telemetry, config, initialised: false })
    await setUp(app, false)
    const { post, app: collector } = await startCollector(t, `postgres://flowforge@127.0.0.1:${server.port}/collector`)
    await post(PING)
    const ofCollector = { '.dump flowforge': '.dump collector', '--dbname=flowforge': '--dbname=collector' }
    await runBlock(root, DUMP, {}, environment)
    await app.settings.set('telemetry:enabled', true)
    await Promise.all([app.close(), collector.close()])
    await runBlock(root, LOAD, {}, environment)
    await runBlock(root, DUMP, ofCollector, environment)
    await runBlock(root, LOAD, ofCollector, environment)
    const restored = await buildPlatform(t, { telemetry, config })
    assert.equal(restored.app.settings.get('telemetry:enabled'), false)
    assert.equal((await readRows({ ...address, database: 'collector' }, 'SELECT * FROM pings')).length, 1)
    assert.equal((await readRows({ ...address, database: 'collector' }, 'SELECT * FROM salts')).length, 0)
  })
})

async function readRows (address: DatabaseAddress, sql: string): Promise<Record<string, unknown>[]> {
  const sequelize: Sequelize = await openDatabase(address)
  try {
    const [rows] = await sequelize.query(sql)
    return rows as Record<string, unknown>[]
  } finally {
    await sequelize.close()
  }
}

/** Finds pg_dump together with a server of the same release, as it cannot read newer ones. */
function findPostgres (): string | undefined {
  const folders = existsSync('/usr/lib/postgresql')
    ? readdirSync('/usr/lib/postgresql').map((release) => resolve('/usr/lib/postgresql', release, 'bin'))
    : []
  return process.getuid?.() === 0 ? folders.findLast((folder) => ['pg_dump', 'initdb', 'pg_ctl'].every((name) => existsSync(join(folder, name)))) : undefined
}

/** A PostgreSQL with an empty database for each program. It refuses to run as root. */
async function startServer (): Promise<{ port: number, stop: () => Promise<void> }> {
  const port = await freePort()
  const data = mkdtempSync(join(tmpdir(), 'flowforge-postgres-'))
  await run('chown', ['nobody', data])
  const pg = (name: string, ...args: string[]) => (
    run('setpriv', ['--reuid=nobody', '--regid=nogroup', '--clear-groups', join(tools!, name), '-D', data, ...args], { cwd: data }))
  await pg('initdb', '-U', 'flowforge', '--auth=trust', '--no-sync')
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off`
  await pg('pg_ctl', '-w', '-l', join(data, 'log'), '-o', options, 'start')
  await run(join(tools!, 'createdb'), ['-h', '127.0.0.1', '-p', String(port), '-U', 'flowforge', 'flowforge'])
  await run(join(tools!, 'createdb'), ['-h', '127.0.0.1', '-p', String(port), '-U', 'flowforge', 'collector'])
  return {
    port,
    async stop () {
      await pg('pg_ctl', '-m', 'immediate', 'stop')
      rmSync(data, { recursive: true, force: true })
    }
  }
}
