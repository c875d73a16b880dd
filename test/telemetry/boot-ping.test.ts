import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startListener } from '../helpers/listener.js'
import { buildPlatform } from '../helpers/platform.js'

test('the boot ping leaves 30 seconds after the platform is ready, and not before', async (t) => {
  const listener = await startListener(t)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { app } = await buildPlatform(t, { telemetry: { url: listener.url }, config: { driver: { type: 'docker' } } })
  await app.db.models.User.bulkCreate(['ada', 'bob'].map((username) => (
    { username, name: username, email: username, password: '-' })))
  await app.db.models.Team.create({ name: 'team' })

  t.mock.timers.tick(29_999)
  assert.equal(listener.requests.length, 0)
  t.mock.timers.tick(1)
  const { method, url, headers, body } = await listener.next()

  assert.equal(method, 'POST')
  assert.equal(url, '/')
  const { host, connection, ...sent } = headers
  assert.deepEqual(sent, {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': `flowforge/${app.config.version}`,
    'idempotency-key': sent['idempotency-key']
  })
  const ping = JSON.parse(body)
  assert.deepEqual(ping.platform, { counts: { users: 2, teams: 1, projects: 0 }, config: { driver: 'docker' } })
  assert.equal(body, await app.telemetry.preview())
})
