import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ACCOUNT, buildNewPlatform, Client, setUp } from '../helpers/client.js'
import { startPostgres, type Postgres } from '../helpers/postgres.js'

describe('the setup over JSON', () => {
  test('takes a new platform to a finished setup with a signed-in administrator', async (t) => {
    const app = await buildNewPlatform(t)
    const client = new Client(app)
    assert.equal((await client.get('/')).headers.location, '/setup')
    const _csrf = await client.csrfToken()
    assert.deepEqual((await client.post('/setup/create-user', { ...ACCOUNT, _csrf })).json(), { status: 'okay' })
    assert.deepEqual((await client.post('/setup/settings', { telemetry: false, _csrf })).json(), { status: 'okay' })
    assert.equal(app.settings.get('telemetry:enabled'), false)
    assert.deepEqual((await client.post('/setup/finish', { _csrf })).json(), { status: 'okay' })
    assert.equal(app.settings.get('setup:initialised'), true)
    assert.match((await client.get('/')).body, /Ada/)
    const administrator = await app.db.models.User.findOne()
    assert.match(administrator!.password, /^\$argon2id\$/)
  })

  test('needs only the cookie of the token', async (t) => {
    const app = await buildNewPlatform(t)
    const client = new Client(app)
    const _csrf = await client.csrfToken()
    for (const [step, body] of [['create-user', ACCOUNT], ['settings', { telemetry: true }], ['finish', {}]] as const) {
      const { statusCode } = await client.post(`/setup/${step}`, { ...body, _csrf })
      assert.equal(statusCode, 200, step)
      delete client.cookies.sid
    }
  })

  test('is refused without the token, or with the token of another browser', async (t) => {
    const app = await buildNewPlatform(t)
    const stranger = await new Client(app).csrfToken()
    const client = new Client(app)
    await client.csrfToken()
    for (const step of ['create-user', 'settings', 'finish']) {
      for (const _csrf of [undefined, '', stranger, 5]) {
        const response = await client.post(`/setup/${step}`, { ...ACCOUNT, telemetry: true, _csrf })
        assert.equal(response.statusCode, 403)
        assert.equal(response.json().code, 'invalid_csrf')
      }
    }
    assert.equal(await app.db.models.User.count(), 0)
  })

  test('cannot be finished without an administrator', async (t) => {
    const app = await buildNewPlatform(t)
    const client = new Client(app)
    const response = await client.post('/setup/finish', { _csrf: await client.csrfToken() })
    assert.equal(response.statusCode, 409)
    assert.equal(response.json().code, 'no_administrator')
    assert.equal(app.settings.get('setup:initialised'), false)
  })

  test('accepts only a boolean for the decision, and explains an error', async (t) => {
    const app = await buildNewPlatform(t)
    const client = new Client(app)
    const _csrf = await client.csrfToken()
    for (const telemetry of ['false', 'true', 0, 1, null, [], undefined]) {
      const response = await client.post('/setup/settings', { telemetry, _csrf })
      assert.equal(response.statusCode, 400)
      assert.deepEqual(response.json(), {
        code: 'invalid_request', error: 'telemetry: Has to be true or false: whether the administrator allows telemetry.'
      })
    }
    assert.equal(await app.db.models.PlatformSetting.findByPk('telemetry:enabled'), null)
  })

  test('refuses names that a database cannot store', async (t) => {
    const client = new Client(await buildNewPlatform(t))
    const _csrf = await client.csrfToken()
    for (const wrong of [{ name: 'Ada\0' }, { username: 'ada\0' }, { email: 'ada\0@example.com' }]) {
      assert.equal((await client.post('/setup/create-user', { ...ACCOUNT, ...wrong, _csrf })).statusCode, 400)
    }
  })

  test('is not available once it is finished', async (t) => {
    const app = await buildNewPlatform(t)
    const client = await setUp(app)
    assert.equal((await client.get('/setup')).headers.location, '/')
    for (const step of ['create-user', 'settings', 'finish']) {
      const response = await client.post(`/setup/${step}`, { ...ACCOUNT, telemetry: false, _csrf: 'any' })
      assert.equal(response.statusCode, 404)
      assert.equal(response.json().code, 'not_found')
    }
    assert.equal(app.settings.get('telemetry:enabled'), true)
  })
})

describe('the race for the first account', () => {
  test('has exactly one winner, and the others get an explanation', async (t) => {
    const app = await buildNewPlatform(t)
    const racers = await Promise.all(['ada', 'bob', 'cleo', 'dora'].map(async (username) => {
      const client = new Client(app)
      const _csrf = await client.csrfToken()
      return { username, client, body: { ...ACCOUNT, username, email: `${username}@example.com`, _csrf } }
    }))
    const responses = await Promise.all(racers.map(({ client, body }) => client.post('/setup/create-user', body)))
    assert.deepEqual(responses.map(({ statusCode }) => statusCode).sort(), [200, 409, 409, 409])
    const winner = racers[responses.findIndex(({ statusCode }) => statusCode === 200)]!
    const users = await app.db.models.User.findAll()
    assert.deepEqual(users.map(({ username, admin }) => [username, admin]), [[winner.username, true]])
    const loser = responses.find(({ statusCode }) => statusCode === 409)!
    assert.equal(loser.json().code, 'administrator_exists')
    assert.equal(loser.cookies.find(({ name }) => name === 'sid'), undefined)
  })

  test('is over once an administrator exists, however the account was created', async (t) => {
    const app = await buildNewPlatform(t)
    await app.db.models.User.create({ ...ACCOUNT, admin: true })
    const client = new Client(app)
    const response = await client.post('/setup/create-user', { ...ACCOUNT, username: 'bob', _csrf: await client.csrfToken('/account/login') })
    assert.equal(response.statusCode, 409)
  })
})

describe('the race for the first account between replicas', () => {
  let postgres: Postgres
  before(async () => { postgres = await startPostgres() })
  after(() => postgres.stop())

  test('that share a PostgreSQL has exactly one winner', async (t) => {
    const { ssl, ...db } = await postgres.createDatabase()
    const replicas = await Promise.all([1, 2, 3].map(() => buildNewPlatform(t, { config: { db } })))
    // Fetch all tokens before the race: later the setup is over.
    const racers = await Promise.all(replicas.map(async (app, index) => {
      const client = new Client(app)
      const _csrf = await client.csrfToken()
      return { client, account: { ...ACCOUNT, username: `racer-${index}`, email: `${index}@example.com`, _csrf } }
    }))
    const statuses = await Promise.all(racers.map(async ({ client, account }) => (
      (await client.post('/setup/create-user', account)).statusCode)))
    assert.deepEqual(statuses.sort(), [200, 409, 409])
    assert.equal(await replicas[0]!.db.models.User.count(), 1)
  })
})
