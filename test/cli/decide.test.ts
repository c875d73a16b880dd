import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { createAuthority } from '../helpers/certificates.js'
import { startListener } from '../helpers/listener.js'
import { afterRequest, startPeer } from '../helpers/peer.js'
import { buildPlatform } from '../helpers/platform.js'
import { prepareHome, startProcess } from '../helpers/process.js'
import { within } from '../helpers/within.js'
import { runCommand, runCommandProcess } from './run-command.js'

const url = 'http://127.0.0.1:1/'

describe('flowforge telemetry on, off and decisions', () => {
  test('decide for a running platform, and record who decided', async (t) => {
    const { app, home } = await buildPlatform(t, { telemetry: { url } })
    const off = await runCommand(home, 'telemetry off', { USER: 'root' })
    assert.deepEqual([off.code, off.stderr], [0, ''])
    assert.match(off.stdout, /^Telemetry is off: the platform's settings say so/)
    assert.equal((await app.telemetry.consent()).allowed, false)
    const on = await runCommand(home, 'telemetry on', { USER: 'root' })
    assert.match(on.stdout, /^Telemetry is on/)
    assert.equal((await app.telemetry.consent()).allowed, true)
    const { stdout } = await runCommand(home, 'telemetry decisions')
    assert.match(stdout, /^.+ UTC, root \(command line\): on, version 1 of the ping\n.+ UTC, root \(command line\): off/)
    const listed = JSON.parse((await runCommand(home, 'telemetry decisions --json')).stdout)
    assert.deepEqual(listed.map(({ enabled }: { enabled: boolean }) => enabled), [true, false])
  })

  test('off takes effect even if the decision cannot be recorded, and warns', async (t) => {
    const { app, home } = await buildPlatform(t, { telemetry: { url } })
    await app.db.sequelize.query('DROP TABLE TelemetryDecisions')
    const off = await runCommand(home, 'telemetry off')
    assert.deepEqual([off.code, off.stderr], [0, 'The database could not record who decided.\n'])
    assert.equal((await app.telemetry.consent()).allowed, false)
    assert.equal((await runCommand(home, 'telemetry decisions')).stdout, 'No decision is recorded.\n')
  })

  test('off aborts the ping of a platform', async (t) => {
    const listener = await startListener(t, () => { /* never answers */ })
    const { app, home } = await buildPlatform(t, { telemetry: { url: listener.url } })
    const sending = app.telemetry.send()
    await listener.next()
    assert.equal((await runCommand(home, 'telemetry off')).code, 0)
    assert.equal((await within('the abort', sending)).outcome, 'cancelled')
  })

  test('off aborts the ping of another command over TLS', async (t) => {
    const authority = createAuthority()
    const arrived = new EventEmitter()
    const arrival = once(arrived, 'request')
    const peer = await startPeer(t, afterRequest(() => { arrived.emit('request') }), authority.issueFor('localhost'))
    const { home } = await buildPlatform(t, { telemetry: { url: peer.url } })
    const file = join(home, 'authority.pem')
    writeFileSync(file, authority.cert)
    const sending = runCommandProcess(home, 'telemetry send --json', { NODE_EXTRA_CA_CERTS: file })
    await within('the request', arrival)
    assert.equal((await runCommand(home, 'telemetry off')).code, 0)
    const { code, stdout } = await within('the end of the command', sending)
    assert.equal(code, 1)
    assert.equal((JSON.parse(stdout) as { outcome: string }).outcome, 'cancelled')
  })

  test('on is refused while the operator has turned telemetry off', async (t) => {
    const home = await prepareHome(t, { telemetry: { url, enabled: false } })
    const { code, stderr } = await runCommand(home, 'telemetry on')
    assert.equal(code, 3)
    assert.match(stderr, /sets telemetry\.enabled to false/)
    assert.equal((await runCommand(home, 'telemetry decisions')).stdout,
      'No decision is recorded.\n')
  })
})

/** A platform whose operator refuses, in this process, whose environment is as before once the platform has read it. */
async function startRefusing (t: TestContext, home: string, receiver: string): Promise<FastifyInstance> {
  process.env.DO_NOT_TRACK = '1'
  try {
    const { app, log } = await buildPlatform(t, { telemetry: { url: receiver }, home })
    await log.find(/refusal binds the command line/)
    return app
  } finally {
    delete process.env.DO_NOT_TRACK
  }
}

describe('the operator\'s refusal at a platform binds the command line', () => {
  const refused = (home: string) => Promise.all(['send', 'status', 'on'].map(async (word) => (await runCommand(home, `telemetry ${word}`)).code))

  test('until it stops', async (t) => {
    const listener = await startListener(t)
    const home = await prepareHome(t, { telemetry: { url: listener.url } })
    const app = await startRefusing(t, home, listener.url)
    assert.deepEqual(await refused(home), [3, 3, 3])
    assert.equal(listener.connections(), 0)
    await app.close()
    assert.equal((await runCommand(home, 'telemetry send')).code, 0)
    assert.equal(listener.connections(), 1)
  })

  test('even once it is killed', async (t) => {
    const listener = await startListener(t)
    const home = await prepareHome(t, { telemetry: { url: listener.url } })
    const { log, stop } = await startProcess(t, home, { DO_NOT_TRACK: '1' })
    await log.find(/refusal binds the command line/)
    await stop('SIGKILL')
    // A platform whose operator allows telemetry does not clear the refusal at another one.
    const other = await buildPlatform(t, { telemetry: { url: listener.url }, home })
    await other.log.find(/^Telemetry is on/)
    assert.deepEqual(await refused(home), [3, 3, 3])
    assert.equal(listener.connections(), 0)
  })
})

test('starting a platform whose operator refuses aborts the ping of a running command', async (t) => {
  const listener = await startListener(t, () => { /* never answers */ })
  const home = await prepareHome(t, { telemetry: { url: listener.url } })
  const sending = runCommandProcess(home, 'telemetry send --json')
  await listener.next()
  await startRefusing(t, home, listener.url)
  const { code, stdout } = await within('the end of the command', sending)
  assert.equal(code, 1)
  const { outcome, error } = JSON.parse(stdout) as { outcome: string, error: string }
  assert.equal(outcome, 'cancelled')
  assert.match(error, /DO_NOT_TRACK/)
})
