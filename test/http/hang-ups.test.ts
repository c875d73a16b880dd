import type { FastifyInstance } from 'fastify'
import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { ACCOUNT, Client, setUp } from '../helpers/client.js'
import { hangUp, MOMENTS } from '../helpers/hang-up.js'
import { buildPlatform, WARN } from '../helpers/platform.js'
import { someOf } from '../helpers/soak.js'
import { within } from '../helpers/within.js'
import { collectRoutes } from './routes.js'

const RIGHT = { username: ACCOUNT.username, password: ACCOUNT.password }

async function listen (t: TestContext, config: Record<string, unknown> = {}, telemetry = {}) {
  const platform = await buildPlatform(t, {
    telemetry: { url: 'http://127.0.0.1:9', ...telemetry }, config, initialised: false, level: 'trace'
  })
  await platform.app.listen({ host: '127.0.0.1', port: 0 })
  return platform
}

describe('a client that hangs up is not logged as an error', () => {
  for (const [what, config] of [['', {}], [' behind a proxy', { trust_proxy: ['127.0.0.1'] }]] as const) {
    for (const during of someOf(['the setup', 'normal use'] as const, what === '' ? 1 : 0)) {
      test(`on any route during ${during}${what}`, async (t) => {
        const routes = collectRoutes(t)
        const { app, log } = await listen(t, config, { enabled: false })
        const client = during === 'the setup' ? new Client(app) : await setUp(app)
        const cookie = Object.entries(client.cookies).map(([name, value]) => `${name}=${value}`).join('; ')
        const headers = { cookie, 'x-forwarded-for': '192.0.2.1' }
        for (const { method, url } of routes) {
          for (const each of [method].flat()) {
            for (const moment of MOMENTS) await hangUp(app.server, moment, { method: each, url, headers, body: JSON.stringify(RIGHT) })
          }
        }
        assert.equal((await app.inject('/health')).statusCode, 200)
        assert.deepEqual(log.atLeast(WARN), [])
      })
    }
  }
})

test('a client that hangs up before its password is checked gets no session', async (t) => {
  const { app, log } = await listen(t)
  const client = await setUp(app)
  const before = await app.db.models.Session.count()
  await Promise.all(Array.from({ length: 9 }, () =>
    hangUp(app.server, 'after the body', { method: 'POST', url: '/account/login', body: JSON.stringify(RIGHT) })))
  // Queued after all of them.
  assert.equal((await client.post('/account/login', { ...RIGHT, password: 'wrong' })).statusCode, 401)
  assert.equal(await app.db.models.Session.count(), before)
  assert.deepEqual(log.atLeast(WARN), [])
})

test('a client that stays connected gets its answer', async (t) => {
  const { app } = await listen(t)
  const { url, cookies, _csrf } = { url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`, ...await startSetup(app) }
  const post = async (path: string, body: object) => (await fetch(url + path, {
    method: 'POST', headers: { 'content-type': 'application/json', cookie: `_csrf=${cookies._csrf}` }, body: JSON.stringify(body)
  })).status
  assert.equal(await post('/setup/create-user', { ...ACCOUNT, _csrf }), 200)
  assert.equal(await post('/account/login', { ...RIGHT, _csrf }), 200)
})

async function startSetup (app: FastifyInstance) {
  const client = new Client(app)
  return { _csrf: await client.csrfToken(), cookies: client.cookies }
}

test('opting out takes effect even if the client hangs up and the platform stops at once', async (t) => {
  const { app, home } = await listen(t)
  const { cookies } = await setUp(app)
  await hangUp(app.server, 'after the body', {
    method: 'PUT', url: '/api/v1/settings', headers: { cookie: `sid=${cookies.sid}` }, body: '{"telemetry:enabled":false}'
  })
  assert.equal((await app.inject({ url: '/api/v1/settings', cookies })).json()['telemetry:enabled'], false)
  await within('the stop', app.close())
  const next = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:9' }, home })
  assert.equal(next.app.settings.get('telemetry:enabled'), false)
})
