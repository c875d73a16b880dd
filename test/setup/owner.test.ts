import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { ACCOUNT, buildNewPlatform, Client, setUp } from '../helpers/client.js'
import { sendHeld } from '../helpers/send-held.js'

/** An unfinished setup whose administrator has turned telemetry off. */
async function refuse (app: FastifyInstance): Promise<Client> {
  const client = new Client(app)
  const _csrf = await client.csrfToken()
  await client.post('/setup/create-user', { ...ACCOUNT, _csrf })
  assert.equal((await client.post('/setup/settings', { telemetry: false, _csrf })).statusCode, 200)
  return client
}

describe('once an administrator exists, the setup', () => {
  for (const [step, body] of [['settings', { telemetry: true }], ['finish', {}]] as const) {
    test(`answers 401 to a stranger with a valid token: ${step}`, async (t) => {
      const app = await buildNewPlatform(t)
      await refuse(app)
      const stranger = new Client(app)
      const _csrf = await stranger.csrfToken('/account/login')
      const response = await stranger.post(`/setup/${step}`, { ...body, _csrf })
      assert.deepEqual([response.statusCode, response.json().code], [401, 'unauthorized'])
      assert.equal(app.settings.get('telemetry:enabled'), false)
      assert.equal(app.settings.get('setup:initialised'), false)
      assert.equal((await app.decisions.list()).length, 1)
    })
  }

  test('answers 401 to a stranger who submits a form', async (t) => {
    const app = await buildNewPlatform(t)
    await refuse(app)
    const stranger = new Client(app)
    const _csrf = await stranger.csrfToken('/account/login')
    const response = await stranger.postForm('/setup/settings', { telemetry: 'true', _csrf })
    assert.equal(response.statusCode, 401)
    assert.match(response.body, /Sign in with that account/)
    assert.equal(app.settings.get('telemetry:enabled'), false)
  })

  test('continues for the administrator in another browser', async (t) => {
    const app = await buildNewPlatform(t)
    await refuse(app)
    const other = new Client(app)
    const { username, password } = ACCOUNT
    await other.post('/account/login', { username, password, _csrf: await other.csrfToken('/account/login') })
    const response = await other.post('/setup/finish', { _csrf: await other.csrfToken('/setup') })
    assert.equal(response.statusCode, 200)
    assert.equal(app.settings.get('setup:initialised'), true)
  })

  test('continues for a program that keeps only the _csrf cookie of the first request', async (t) => {
    const app = await buildNewPlatform(t)
    const client = new Client(app)
    const _csrf = await client.csrfToken()
    await client.post('/setup/create-user', { ...ACCOUNT, _csrf })
    delete client.cookies.sid
    assert.equal((await client.post('/setup/settings', { telemetry: false, _csrf })).statusCode, 200)
    assert.equal((await client.post('/setup/finish', { _csrf })).statusCode, 200)
  })
})

test('a decision whose body arrives after the setup has finished has no effect', async (t) => {
  const app = await buildNewPlatform(t)
  const client = await refuse(app)
  const _csrf = await client.csrfToken('/setup')
  const release = await sendHeld(app, 'POST', '/setup/settings', client.cookies, { telemetry: true, _csrf })
  await client.post('/setup/finish', { _csrf })
  // The token of the setup is checked before the state of the setup.
  assert.equal(await release(), 403)
  assert.equal(app.settings.get('telemetry:enabled'), false)
})

test('a change of the settings whose session ends before its body arrives has no effect', async (t) => {
  const app = await buildNewPlatform(t)
  const client = await setUp(app, false)
  const release = await sendHeld(app, 'PUT', '/api/v1/settings', client.cookies, { 'telemetry:enabled': true })
  await client.post('/account/logout')
  assert.equal(await release(), 401)
  assert.equal(app.settings.get('telemetry:enabled'), false)
})

test('opting in while the operator has turned telemetry off is refused, and does not apply later', async (t) => {
  const app = await buildNewPlatform(t, { telemetry: { url: 'http://127.0.0.1:9', enabled: false } })
  const client = await setUp(app, true)
  assert.equal(app.settings.get('telemetry:enabled'), false)
  const response = await client.request({ method: 'PUT', url: '/api/v1/settings', payload: { 'telemetry:enabled': true } })
  assert.deepEqual([response.statusCode, response.json().code], [409, 'telemetry_locked'])
  assert.match(response.json().error, /sets telemetry\.enabled to false/)
  assert.equal(app.settings.get('telemetry:enabled'), false)
})
