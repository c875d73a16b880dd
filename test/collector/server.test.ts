import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Readable } from 'node:stream'
import { test } from 'node:test'
import { settingsTable } from '../../src/collector/settings.js'
import { freePort } from '../helpers/postgres.js'
import { within } from '../helpers/within.js'
import { runCollector } from './run-collector.js'
import { PING, post, sqliteUrl, startCollector } from './start-collector.js'

async function readAll (stream: Readable): Promise<string> {
  return (await stream.toArray()).join('')
}

test('without a key the collector prints the reason in one line and exits with 78', async (t) => {
  const { child } = runCollector(t, { COLLECTOR_DATABASE_URL: await sqliteUrl(t), COLLECTOR_IP_HASH_KEY: '' })
  const [said, [code]] = await Promise.all([readAll(child.stderr!), once(child, 'exit')])
  assert.equal(code, 78)
  assert.match(said, /^the collector did not start: COLLECTOR_IP_HASH_KEY .*\n$/)
})

test('SIGTERM ends the collector with exit code 0 beside an unfinished ping, and acknowledged pings are stored', async (t) => {
  const port = await freePort()
  const environment = { COLLECTOR_DATABASE_URL: await sqliteUrl(t), COLLECTOR_PORT: String(port) }
  const stored: unknown[] = []
  for (const run of [1, 2]) {
    const { child, listening } = runCollector(t, environment)
    await listening
    const { body } = await post(`http://127.0.0.1:${port}`, { ...PING, os: { type: `run ${run}` } }, { 'idempotency-key': 'the same' })
    stored.push(body.received)
    if (run === 2) await startUnfinished(port)
    child.kill('SIGTERM')
    assert.deepEqual(await once(child, 'exit'), [0, null])
  }
  assert.deepEqual(stored[1], stored[0])
})

async function startUnfinished (port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  await once(socket, 'connect')
  socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n')
  await once(socket, 'data')
}

test('a connection that a browser opened ahead of time does not prevent the collector from stopping', async (t) => {
  const { app, url } = await startCollector(t, await sqliteUrl(t))
  const spare = connect(Number(new URL(url).port), '127.0.0.1')
  await once(spare, 'connect')
  // The server has accepted it, too.
  await app.inject('/health')
  // What the test does after its end closes the collector again, and would wait for the connection.
  await within('the stop', app.close(), 5_000).finally(() => { spare.destroy() })
})

test('--help lists every setting with its default, and any other argument exits with 64', async (t) => {
  const help = runCollector(t, {}, ['--help']).child
  const [said, [code]] = await Promise.all([readAll(help.stdout!), once(help, 'exit')])
  assert.equal(code, 0)
  for (const { name } of settingsTable) assert.ok(said.includes(name), name)
  assert.match(said, /COLLECTOR_RETENTION_DAYS \(90\)/)
  const other = runCollector(t, {}, ['start']).child
  const [complaint, [status]] = await Promise.all([readAll(other.stderr!), once(other, 'exit')])
  assert.equal(status, 64)
  assert.match(complaint, /^flowforge-collector takes no argument but --help.*\n$/)
})
