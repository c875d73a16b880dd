import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, test, type TestContext } from 'node:test'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { ACCOUNT, buildNewPlatform, Client, setUp } from '../helpers/client.js'

/** The public routes. Every other route, present or future, is only for administrators. */
const PUBLIC = [
  'GET /', 'GET /health', 'GET /assets/*', 'GET /documents/:name',
  'GET /setup', 'GET /setup/create-user', 'GET /setup/settings', 'GET /setup/finish',
  'POST /setup/create-user', 'POST /setup/settings', 'POST /setup/finish',
  'GET /account/login', 'POST /account/login', 'POST /account/logout'
]

const PAGE = '/admin/settings/telemetry'

interface Route { method: NonNullable<InjectOptions['method']>, url: string }

/** A platform whose setup is finished, and the list of its routes. */
async function buildWithRoutes (t: TestContext): Promise<{ app: FastifyInstance, routes: Route[] }> {
  const routes: Route[] = []
  const listen = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance }
    fastify.addHook('onRoute', ({ method, url }) => {
      for (const each of [method].flat()) if (each !== 'HEAD') routes.push({ method: each as Route['method'], url })
    })
  }
  subscribe('fastify.initialization', listen)
  const app = await buildNewPlatform(t)
  unsubscribe('fastify.initialization', listen)
  await setUp(app)
  return { app, routes: routes.filter(({ method, url }) => !PUBLIC.includes(`${method} ${url}`)) }
}

const SECRETS = /instanceId|telemetry:enabled|idempotency|openapi|allowed|Send a ping/

describe('the routes of the administrators', () => {
  test('are all routes except a short list', async (t) => {
    const { routes } = await buildWithRoutes(t)
    assert.deepEqual(routes.map(({ method, url }) => `${method} ${url}`).sort(), [
      'GET /admin/settings/telemetry',
      'GET /admin/settings/telemetry/forget',
      'GET /admin/settings/telemetry/held',
      'GET /admin/settings/telemetry/new-id',
      'GET /admin/settings/telemetry/pings',
      'GET /admin/settings/telemetry/pings/:id',
      'GET /admin/settings/telemetry/pings/:id/receipt',
      'GET /api/v1/openapi.json',
      'GET /api/v1/settings',
      'GET /api/v1/telemetry',
      'GET /api/v1/telemetry/decisions',
      'GET /api/v1/telemetry/pings',
      'GET /api/v1/telemetry/preview',
      'POST /admin/settings/telemetry',
      'POST /admin/settings/telemetry/forget',
      'POST /admin/settings/telemetry/held',
      'POST /admin/settings/telemetry/new-id',
      'POST /admin/settings/telemetry/pings',
      'POST /api/v1/telemetry/forget',
      'POST /api/v1/telemetry/held',
      'POST /api/v1/telemetry/new-id',
      'POST /api/v1/telemetry/pings',
      'PUT /api/v1/settings'
    ])
  })

  test('only redirect an anonymous visitor to the login', async (t) => {
    const { app, routes } = await buildWithRoutes(t)
    for (const route of routes) {
      const program = await new Client(app).request(route)
      assert.deepEqual([program.statusCode, program.json().code], [401, 'unauthorized'], route.url)
      const person = await new Client(app).request({ ...route, headers: { accept: 'text/html' } })
      assert.doesNotMatch(person.body, SECRETS)
      if (route.url.startsWith('/api')) assert.equal(person.statusCode, 401)
      else {
        const next = encodeURIComponent(route.url)
        assert.deepEqual([person.statusCode, person.headers.location], [303, `/account/login?next=${next}`])
      }
    }
  })

  test('show other signed-in users only the state of telemetry', async (t) => {
    const { app, routes } = await buildWithRoutes(t)
    const client = await signInAsUser(app)
    for (const route of routes.filter(({ method, url }) => `${method} ${url}` !== `GET ${PAGE}`)) {
      const program = await client.request(route)
      assert.deepEqual([program.statusCode, program.json().code], [403, 'forbidden'], route.url)
      const person = await client.request({ ...route, headers: { accept: 'text/html' } })
      assert.equal(person.statusCode, 403)
      assert.doesNotMatch(person.body, SECRETS)
    }
    const home = await client.get('/')
    assert.equal(home.statusCode, 200)
    assert.doesNotMatch(home.body, /Admin Settings|Telemetry is/)
    const state = await client.get(PAGE)
    assert.equal(state.statusCode, 200)
    assert.match(state.body, /Telemetry is on/)
    assert.match(state.body, /127\.0\.0\.1:9, the receiver that the operator of this platform chose/)
    assert.doesNotMatch(state.body, new RegExp(`Admin Settings<|<button role|Send a ping|${String(app.settings.get('instanceId'))}`))
  })

  test('let neither of them change anything', async (t) => {
    const { app } = await buildWithRoutes(t)
    for (const client of [new Client(app), await signInAsUser(app)]) {
      await client.request({ method: 'PUT', url: '/api/v1/settings', payload: { 'telemetry:enabled': false } })
      await client.post('/api/v1/telemetry/pings')
    }
    assert.equal(app.settings.get('telemetry:enabled'), true)
    assert.deepEqual(await app.telemetry.pings(), [])
  })
})

async function signInAsUser (app: FastifyInstance): Promise<Client> {
  const { User } = app.db.models
  const administrator = await User.findOne({ rejectOnEmpty: true })
  await User.create({ name: 'Bob', username: 'bob', email: 'bob@example.com', password: administrator.password })
  const client = new Client(app)
  await client.post('/account/login', { username: 'bob', password: ACCOUNT.password })
  return client
}
