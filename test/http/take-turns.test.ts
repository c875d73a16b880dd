import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from 'fastify'
import { takeTurns } from '../../src/http/take-turns.js'

test('requests that take turns start one in each turn of the event loop, in order, and others at once', async (t) => {
  const app = Fastify()
  t.after(() => app.close())
  let turn = 0
  const started: Array<[path: string, turn: number]> = []
  app.addHook('onRequest', takeTurns())
  app.addHook('onRequest', async ({ url }) => { started.push([url, turn]) })
  app.get('/login/:n', { config: { takesTurns: true } }, async () => 'ok')
  app.get('/health', async () => 'ok')
  await app.ready()
  const requests = ['/login/1', '/login/2', '/login/3', '/health'].map((url) => app.inject(url))
  // Requests are injected in the next turn.
  for (; started.length < 4; turn++) await new Promise(setImmediate)
  await Promise.all(requests)
  const [[first, from]] = started as [[string, number]]
  assert.equal(first, '/health')
  assert.deepEqual(started.slice(1).map(([url]) => url), ['/login/1', '/login/2', '/login/3'])
  const turns = started.slice(1).map(([, at]) => at - from)
  assert.deepEqual(turns, [turns[0], turns[0]! + 1, turns[0]! + 2])
})
