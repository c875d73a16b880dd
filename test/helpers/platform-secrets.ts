/** Searches all output of a platform and its command line for secrets of people and of the installation. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { QueryTypes, type Sequelize } from 'sequelize'
import { COMMANDS } from '../../src/cli/commands.js'
import type { DatabaseAddress } from '../../src/database/open.js'
import { migrate } from '../../src/telemetry/store/migrations.js'
import { runCommand, runCommandProcess } from '../cli/run-command.js'
import { Client } from './client.js'
import { buildPlatform, type Platform } from './platform.js'
import { runProgram } from './program.js'
import { SecretSearch, SECRETS } from './secret-search.js'
import { sendBytes } from './send-bytes.js'

const { name, username, email, password, wrongPassword, proxyUser, proxyPassword, urlPassword } = SECRETS
const PAGES = ['/', '/health', '/account/login', '/setup', '/admin/settings/telemetry', '/api/v1/settings', '/api/v1/telemetry',
  '/api/v1/telemetry/pings', '/api/v1/telemetry/decisions', '/api/v1/telemetry/preview', '/api/v1/openapi.json', '/nowhere',
  '/admin/settings/telemetry?pings=all', '/admin/settings/telemetry/pings/1', '/admin/settings/telemetry/pings/1/receipt']

/** The environment of each command: a proxy that needs a password. */
export const PROXY = { HTTP_PROXY: `http://${proxyUser}:${proxyPassword}@127.0.0.1:9` }

/** The number of commands that run concurrently. */
const PROCESSES = 3

export type Strike = (t: TestContext, db: Sequelize, address: DatabaseAddress) => Promise<unknown>

/**
 * Causes a fault, requests every page, runs every command, and searches all output for secrets.
 *
 * @param asProcess the commands that also run in a separate process
 */
export async function searchWith (
  t: TestContext, address: DatabaseAddress, strike: Strike, asProcess = COMMANDS.map(({ words }) => words)
): Promise<void> {
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
  for (const bytes of [`POST ${password}\r\n`, `GET / HTTP/1.1\r\ncookie: sid=${client.cookies.sid!}\r\ncontent-length: ${password}\r\n\r\n`]) {
    search.see('no HTTP', await sendBytes(app, bytes))
  }
  search.see('log', ...log.lines.map((line) => JSON.stringify(line)))
  search.assertNone()
  const inAnswers = new SecretSearch()
  // People see their own name and email; the administrator pages show the id of the installation.
  inAnswers.hide({ password, wrongPassword, urlPassword, proxyPassword, hash: '$argon2id', statement: 'INSERT INTO' })
  for (const [request, body] of answers) inAnswers.see(request, body)
  inAnswers.assertNone()
  const stranger = new SecretSearch()
  stranger.hide(SECRETS)
  for (const url of PAGES) stranger.see(url, (await new Client(app).get(url)).body)
  stranger.assertNone()
  await searchCommands(home, asProcess)
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

/** The secrets in the database. */
async function hideKept ({ app }: Platform, search: SecretSearch): Promise<void> {
  const [row] = await app.db.sequelize.query<{ password: string }>('SELECT "password" FROM "Users"', { type: QueryTypes.SELECT })
  search.hide({ hash: row!.password, instanceId: app.settings.get('instanceId')! })
}

/** Requests every page, as a page and as JSON, and every route that changes something. */
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

async function searchCommands (home: string, asProcess: string[]): Promise<void> {
  const search = new SecretSearch()
  // These commands show who decided, and the id.
  const { username: _username, ...secrets } = SECRETS
  search.hide({ ...secrets, hash: '$argon2id', statement: 'INSERT INTO' })
  const commands = COMMANDS.filter(({ words }) => words !== 'start')
  for (const { words, json } of commands) {
    for (const line of json ? [words, `${words} --json`] : [words]) {
      const { stdout, stderr } = await runCommand(home, line, PROXY)
      search.see(line, stdout, stderr)
    }
  }
  // Processes have additional output: that of a start, of Node.js and of the drivers.
  for (let first = 0; first < asProcess.length; first += PROCESSES) {
    await Promise.all(asProcess.slice(first, first + PROCESSES).map(async (words, n) => {
      const line = (first + n) % 2 ? words : `${words} --json`
      const { stdout, stderr } = words === 'start' ? await runStart(home) : await runCommandProcess(home, line, PROXY)
      search.see(`process ${line}`, stdout, stderr)
    }))
  }
  search.assertNone()
}

/** The output of the platform's process until it listens or fails. */
async function runStart (home: string): Promise<{ stdout: string, stderr: string }> {
  const program = [...runProgram('src/server.ts'), '--config', join(home, 'flowforge.yml')]
  const child = spawn(process.execPath, program, { env: { ...process.env, ...PROXY, FLOWFORGE_HOME: home, PORT: '0' }, stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.on('data', (bytes: Buffer) => { if (bytes.includes('Server listening')) child.kill('SIGTERM') })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { stdout, stderr }
}
