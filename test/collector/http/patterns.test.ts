import assert from 'node:assert/strict'
import { test } from 'node:test'
import { columns } from '../../../src/collector/storage/columns.js'
import { assertBounded, CHARACTERS, HEADER_CHARACTERS, textOf } from '../../helpers/long-texts.js'
import { PING, sqliteUrl, startCollector } from '../start-collector.js'

const TOKEN = 'a token of the tests, long enough'

const ofPing = ['instanceId', 'os.type', 'os.release', 'os.arch', 'env.nodejs', 'env.flowforge', 'platform.config.driver']
const HEADERS = ['authorization', 'content-type', 'content-encoding', 'idempotency-key', 'x-forwarded-for', 'x-forwarded-proto', 'host']

/** Returns a ping with one of its texts replaced. */
function replace (path: string, value: string): object {
  const ping = structuredClone(PING) as Record<string, unknown>
  const names = path.split('.')
  const last = names.pop()!
  const place = names.reduce((object, name) => object[name] as Record<string, unknown>, ping)
  assert.equal(typeof place[last], 'string', path)
  place[last] = value
  return ping
}

test('each text of each route is checked with nearly constant work, whatever its length', async (t) => {
  const { app } = await startCollector(t, await sqliteUrl(t), { reportToken: TOKEN, trustProxy: '127.0.0.1', rateLimit: 1_000_000 })
  assert.ok(columns.length > ofPing.length)
  const post = (url: string, body: unknown, headers = {}) => app.inject({
    method: 'POST', url, payload: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers }
  })
  for (const character of CHARACTERS) {
    for (const path of ofPing) {
      await assertBounded(`${path} ${character}`, (length) => post('/', replace(path, textOf(length, character, '\x01'))), [100, 20_000])
    }
    for (const url of ['/held', '/forget']) {
      await assertBounded(`${url} ${character}`, (length) => post(url, { instanceId: textOf(length, character) }), [100, 20_000])
    }
  }
  for (const character of HEADER_CHARACTERS) {
    for (const name of HEADERS) {
      await assertBounded(`${name} ${character}`, (length) => post('/', PING, { [name]: `x${textOf(length, character)}` }), [100, 14_000])
    }
    for (const name of ['from', 'to', 'figure']) {
      await assertBounded(`${name} ${character}`, (length) => app.inject({
        url: `/report.csv?${name}=${encodeURIComponent(textOf(length, character))}`, headers: { authorization: `Bearer ${TOKEN}` }
      }), [100, 4_000])
    }
  }
})
