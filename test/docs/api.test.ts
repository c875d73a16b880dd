/** Runs the examples of docs/api.md. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { InjectOptions } from 'fastify'
import { API_ERRORS } from '../../docs/api-errors.js'
import { PING, startCollector } from '../collector/start-collector.js'
import { ACCOUNT, buildNewPlatform, setUp } from '../helpers/client.js'
import { temporaryDirectory } from '../helpers/platform.js'
import { without } from '../helpers/tools.js'
import { within } from '../helpers/within.js'

const text = readFileSync('docs/api.md', 'utf8')

test('three commands sign in, read the state, and turn telemetry off', { skip: without('curl') }, async (t) => {
  const app = await buildNewPlatform(t)
  await setUp(app)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const cwd = temporaryDirectory(t)
  writeFileSync(join(cwd, 'login.json'), JSON.stringify({ username: ACCOUNT.username, password: ACCOUNT.password }))
  const [, block] = /```sh\n([^]*?)```/.exec(text)!
  const commands = block!.replaceAll('http://localhost:3000', url)
  assert.equal(commands.trim().split('\n').length, 3)
  const { stdout } = await within('the commands', promisify(execFile)('sh', ['-euc', commands], { cwd }))
  assert.match(stdout, /^{"status":"okay"}{"allowed":true,.*}{"telemetry:enabled":false}$/)
  assert.equal((await app.telemetry.consent()).allowed, false)
})

test('each administrator call has the answer of its example', async (t) => {
  const collector = await startCollector(t, `sqlite:${join(temporaryDirectory(t), 'collector.db')}`)
  const client = await setUp(await buildNewPlatform(t, { telemetry: { url: collector.url } }))
  // Add a row to the log and one to the decisions.
  await client.post('/api/v1/telemetry/pings')
  const examples = [...text.matchAll(/```http\n(\w+) (\/api\S+) ?(.*)\n\n([^]*?)\n```/g)]
  assert.equal(examples.length, 10)
  for (const [, method, url, payload, answer] of examples) {
    const options = { method: method as InjectOptions['method'], url, payload, headers: payload ? { 'content-type': 'application/json' } : {} }
    const response = await client.request(options as InjectOptions)
    assert.equal(response.statusCode, 200, `${method} ${url}: ${response.body}`)
    assert.deepEqual(keysOf(response.json()), keysOf(JSON.parse(answer!)), `${method} ${url}`)
  }
})

test('data at the collector is shown and deleted with only the id', { skip: without('curl') }, async (t) => {
  const collector = await startCollector(t, `sqlite:${join(temporaryDirectory(t), 'collector.db')}`)
  await collector.post(PING)
  const [, block] = /```sh\n(curl [^]*?)```/.exec(readFileSync('docs/privacy.md', 'utf8'))!
  const commands = block!.replaceAll('https://ping.flowforge.com', collector.url).replace(/[0-9a-f-]{36}/g, PING.instanceId)
  const { stdout } = await within('the commands', promisify(execFile)('sh', ['-euc', commands]))
  assert.match(stdout, /"pingsKept":1,.*"forgotten":{"installations":1,"pings":1}/)
  assert.deepEqual(await collector.rows(), [])
})

test('a ping copied out of a closed network is posted with curl', { skip: without('curl') }, async (t) => {
  const collector = await startCollector(t, `sqlite:${join(temporaryDirectory(t), 'collector.db')}`)
  const cwd = temporaryDirectory(t)
  writeFileSync(join(cwd, 'ping.json'), JSON.stringify(PING))
  const [, block] = /```sh\n(curl [^]*?)```/.exec(readFileSync('docs/network.md', 'utf8'))!
  const command = block!.replaceAll('https://ping.flowforge.com', collector.url)
  const { stdout } = await within('the command', promisify(execFile)('sh', ['-euc', command], { cwd }))
  assert.match(stdout, /^{"status":"success"/)
  assert.equal((await collector.rows()).length, 1)
})

/** The properties of an answer; of a list, those of its first entry. */
const keysOf = (answer: object) => Object.keys(Array.isArray(answer) ? answer[0] as object : answer)

test('the table of errors has exactly the codes of the platform', () => {
  const source = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('collector'))
    .map((file) => readFileSync(join('src', file), 'utf8')).join('\n')
  const thrown = [...source.matchAll(/new RequestProblem\(\s*(\d+), '(\w+)'/g)].map(([, status, code]) => `${code} ${status}`)
  const passedOn = [...source.matchAll(/\b([a-z]+_[a-z_]+): ([45]\d\d)\b/g)].map(([, code, status]) => `${code} ${status}`)
  assert.deepEqual([thrown.length > 10, passedOn.length], [true, 3])
  const documented = API_ERRORS.flatMap(({ code, statuses }) => statuses.map((status) => `${code} ${status}`))
  // A client that has disconnected never sees this code.
  assert.deepEqual([...thrown, ...passedOn].filter((each) => !documented.includes(each) && each !== 'client_gone 400'), [])
  assert.deepEqual(API_ERRORS.filter(({ code }) => !new RegExp(`'${code}'|\\b${code}:`).test(source)), [])
})
