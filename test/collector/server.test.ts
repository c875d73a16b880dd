import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { freePort } from '../helpers/postgres.js'
import { KEY, PING, post, sqliteUrl } from './start-collector.js'

function runCollector (t: TestContext, environment: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/collector/server.ts'], {
    env: { PATH: process.env.PATH, ...environment }, stdio: ['ignore', 'pipe', 'pipe']
  })
  t.after(() => child.kill('SIGKILL'))
  return child
}

async function readAll (stream: Readable): Promise<string> {
  return (await stream.toArray()).join('')
}

test('without a key the collector does not start, says why in one line, and exits with 78', async (t) => {
  const child = runCollector(t, { COLLECTOR_DATABASE_URL: await sqliteUrl(t) })
  const [said, [code]] = await Promise.all([readAll(child.stderr!), once(child, 'exit')])
  assert.equal(code, 78)
  assert.match(said, /^the collector did not start: COLLECTOR_IP_HASH_KEY .*\n$/)
})

test('a database that does not answer is said in one line, and starting again may help: exit code 1', async (t) => {
  const child = runCollector(t, {
    COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_DATABASE_URL: `postgres://a:b@127.0.0.1:${await freePort()}/c`
  })
  const [said, [code]] = await Promise.all([readAll(child.stderr!), once(child, 'exit')])
  assert.equal(code, 1)
  assert.match(said, /^the collector did not start: .*\n$/)
})

test('SIGTERM ends the collector with exit code 0, and what it had acknowledged is there at the next start', async (t) => {
  const port = await freePort()
  const environment = {
    COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_DATABASE_URL: await sqliteUrl(t), COLLECTOR_PORT: String(port)
  }
  const url = `http://127.0.0.1:${port}`
  const stored: unknown[] = []
  for (const run of [1, 2]) {
    const child = runCollector(t, environment)
    await once(createInterface(child.stdout!), 'line')
    const { body } = await post(url, { ...PING, os: { type: `run ${run}` } }, { 'idempotency-key': 'the same' })
    stored.push(body.received)
    child.kill('SIGTERM')
    assert.deepEqual(await once(child, 'exit'), [0, null])
  }
  assert.deepEqual(stored[1], stored[0])
})
