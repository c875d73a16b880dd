import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { buildNewPlatform, setUp } from '../helpers/client.js'
import { startListener } from '../helpers/listener.js'

describe('the settings', () => {
  test('are read from the database, where another replica may have changed them', async (t) => {
    const app = await buildNewPlatform(t)
    const client = await setUp(app)
    const read = async () => (await client.request({ url: '/api/v1/settings' })).json()
    assert.deepEqual(await read(), { 'telemetry:enabled': true })
    await app.db.models.PlatformSetting.update({ value: 'false' }, { where: { key: 'telemetry:enabled' } })
    assert.deepEqual(await read(), { 'telemetry:enabled': false })
  })

  test('can be changed with a boolean', async (t) => {
    const app = await buildNewPlatform(t)
    const client = await setUp(app)
    for (const enabled of [false, true]) {
      const payload = { 'telemetry:enabled': enabled }
      const response = await client.request({ method: 'PUT', url: '/api/v1/settings', payload })
      assert.deepEqual([response.statusCode, response.json()], [200, payload])
      assert.equal((await app.telemetry.consent()).allowed, enabled)
    }
  })

  test('stay unchanged by any other value, which is named in the answer', async (t) => {
    const app = await buildNewPlatform(t)
    const client = await setUp(app)
    const wrong = [{ 'telemetry:enabled': 'false' }, { 'telemetry:enabled': 0 }, { 'telemetry:enabled': null }, {}, []]
    for (const payload of [...wrong, { 'telemetry:enabled': false, instanceId: 'x' }]) {
      const response = await client.request({ method: 'PUT', url: '/api/v1/settings', payload })
      assert.equal(response.statusCode, 400, JSON.stringify(payload))
      assert.equal(response.json().code, 'invalid_request')
      assert.match(response.json().error, /^(telemetry:enabled: Has to be true or false|instanceId: |The body)/)
    }
    assert.equal(app.settings.get('telemetry:enabled'), true)
  })
})

describe('telemetry', () => {
  test('shows whether it is on, who decided, and when the next ping is due', async (t) => {
    const app = await buildNewPlatform(t)
    const client = await setUp(app)
    const { nextDailyPing, ...state } = (await client.request({ url: '/api/v1/telemetry' })).json()
    assert.deepEqual(state, {
      ...await app.telemetry.consent(), locked: false, url: 'http://127.0.0.1:9', newProperties: [], lastPing: null
    })
    assert.ok(Date.parse(nextDailyPing) > Date.now())
  })

  test('shows that the operator decided, and that the switch is locked', async (t) => {
    const client = await setUp(await buildNewPlatform(t, { telemetry: { url: 'http://127.0.0.1:9', enabled: false } }))
    const state = (await client.request({ url: '/api/v1/telemetry' })).json()
    assert.equal(state.allowed, false)
    assert.equal(state.decidedBy, 'flowforge.yml')
    assert.equal(state.locked, true)
    assert.equal(state.nextDailyPing, null)
  })

  test('previews the exact bytes of a ping, also while it is off', async (t) => {
    const listener = await startListener(t)
    const app = await buildNewPlatform(t, { telemetry: { url: listener.url } })
    const client = await setUp(app, false)
    const preview = await client.request({ url: '/api/v1/telemetry/preview' })
    assert.match(String(preview.headers['content-type']), /^application\/json/)
    assert.deepEqual(listener.requests, [])
    await app.settings.set('telemetry:enabled', true)
    await client.post('/api/v1/telemetry/pings')
    assert.equal((await listener.next()).body, preview.body)
  })

  test('sends a ping on request, and logs it with its receipt', async (t) => {
    const listener = await startListener(t)
    const client = await setUp(await buildNewPlatform(t, { telemetry: { url: listener.url } }))
    const response = await client.post('/api/v1/telemetry/pings')
    assert.equal(response.statusCode, 200)
    const ping = response.json()
    assert.deepEqual([ping.kind, ping.outcome, ping.status, ping.attempts], ['manual', 'delivered', 200, 1])
    assert.equal(ping.receipt, '{"status":"success"}')
    const request = await listener.next()
    assert.equal(request.body, ping.body)
    assert.equal(request.headers['idempotency-key'], ping.idempotencyKey)
    await client.post('/api/v1/telemetry/pings')
    const log = (await client.request({ url: '/api/v1/telemetry/pings' })).json()
    assert.equal(log.length, 2)
    assert.deepEqual(log[1], ping)
    assert.deepEqual((await client.request({ url: '/api/v1/telemetry' })).json().lastPing, log[0])
  })

  test('sends nothing while it is off, and explains why', async (t) => {
    const listener = await startListener(t)
    const client = await setUp(await buildNewPlatform(t, { telemetry: { url: listener.url } }), false)
    const response = await client.post('/api/v1/telemetry/pings')
    assert.equal(response.statusCode, 409)
    assert.deepEqual(response.json(), {
      code: 'telemetry_off', error: 'Telemetry is off: the platform\'s settings say so; an administrator can change that in Admin Settings.'
    })
    assert.equal(listener.connections(), 0)
  })
})

test('the API is described as OpenAPI, from the schemas that validate it', async (t) => {
  const client = await setUp(await buildNewPlatform(t))
  const { openapi, paths } = (await client.request({ url: '/api/v1/openapi.json' })).json()
  assert.equal(openapi, '3.1.0')
  assert.deepEqual(Object.keys(paths).sort(), [
    '/account/login', '/account/logout', '/api/v1/settings', '/api/v1/telemetry', '/api/v1/telemetry/decisions',
    '/api/v1/telemetry/forget', '/api/v1/telemetry/held', '/api/v1/telemetry/new-id', '/api/v1/telemetry/pings',
    '/api/v1/telemetry/preview', '/setup/create-user', '/setup/finish', '/setup/settings'
  ])
  const { schema } = paths['/api/v1/settings'].put.requestBody.content['application/json']
  assert.equal(schema.properties['telemetry:enabled'].type, 'boolean')
  assert.equal(schema.additionalProperties, false)
  const preview = paths['/api/v1/telemetry/preview'].get.responses['200'].content['application/json'].schema
  assert.equal(preview.properties.platform.properties.counts.properties.users.type, 'integer')
})
