import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startListener } from '../helpers/listener.js'
import { buildPlatform } from '../helpers/platform.js'
import { startPostgres, type Postgres } from '../helpers/postgres.js'
import { prepareHome } from '../helpers/process.js'
import { runCommand } from './run-command.js'

const url = 'http://127.0.0.1:1/'

describe('flowforge telemetry send and log', () => {
  let postgres: Postgres
  before(async () => { postgres = await startPostgres() })
  after(() => postgres.stop())

  for (const database of ['SQLite', 'PostgreSQL']) {
    test(`send the previewed bytes once, and log them, on ${database}`, async (t) => {
      const listener = await startListener(t)
      const { ssl, ...address } = await postgres.createDatabase()
      const db = database === 'SQLite' ? {} : address
      const home = await prepareHome(t, { db, telemetry: { url: listener.url } })
      const { stdout: bytes } = await runCommand(home, 'telemetry preview')
      const sent = await runCommand(home, 'telemetry send')
      assert.equal(sent.code, 0, sent.stderr)
      assert.match(sent.stdout, /^.+ UTC, manual, delivered, 1 attempt\n {2}127\.0\.0\.1:\d+ received it\.\n  {"instanceId"/)
      assert.equal((await listener.next()).body, bytes)
      assert.equal(listener.requests.length, 1)
      const [ping] = JSON.parse((await runCommand(home, 'telemetry log --json')).stdout)
      assert.equal(ping.body, bytes)
      assert.equal(ping.receipt, '{"status":"success"}')
    })
  }

  test('work while the platform runs, which then has the ping in its log', async (t) => {
    const listener = await startListener(t)
    const { app, home } = await buildPlatform(t, { telemetry: { url: listener.url } })
    const { stdout } = await runCommand(home, 'telemetry send --json')
    const [ping] = await app.telemetry.pings()
    assert.deepEqual(JSON.parse(stdout), JSON.parse(JSON.stringify(ping)))
  })

  test('send nothing while telemetry is off, and exit with 3', async (t) => {
    const listener = await startListener(t)
    const home = await prepareHome(t, { telemetry: { url: listener.url, enabled: false } })
    const { code, stdout, stderr } = await runCommand(home, 'telemetry send')
    assert.deepEqual({ code, stdout }, { code: 3, stdout: '' })
    assert.match(stderr, /^Telemetry is off: .*sets telemetry.enabled to false\.\n$/)
    assert.equal(listener.connections(), 0)
  })

  test('exit with 1 when the ping could not be delivered', async (t) => {
    const home = await prepareHome(t, { telemetry: { url } })
    const sent = await runCommand(home, 'telemetry send')
    assert.equal(sent.code, 1)
    assert.match(sent.stdout, /manual, failed, 1 attempt\n {2}127\.0\.0\.1:1 refused the connection\. Check telemetry\.url/)
    assert.equal((await runCommand(home, 'telemetry log')).stdout, sent.stdout)
  })
})
