import { hash } from '@node-rs/argon2'
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { ACCOUNT, buildNewPlatform, Client, setUp } from '../helpers/client.js'

const LOGIN = { username: ACCOUNT.username, password: ACCOUNT.password }

describe('signing in', () => {
  test('starts a new session each time, and ends the previous one', async (t) => {
    const app = await buildNewPlatform(t)
    const client = await setUp(app)
    const before = client.cookies.sid!
    assert.deepEqual((await client.post('/account/login', LOGIN)).json(), { status: 'okay' })
    assert.notEqual(client.cookies.sid, before)
    const intruder = new Client(app)
    intruder.cookies.sid = before
    assert.equal((await intruder.get('/')).headers.location, '/account/login')
  })

  test('stores 32 random bytes in an HttpOnly cookie, and only their hash in the database', async (t) => {
    const app = await buildNewPlatform(t)
    const client = await setUp(app)
    const response = await client.post('/account/login', LOGIN)
    const cookie = response.cookies.find(({ name }) => name === 'sid')!
    assert.equal(Buffer.from(cookie.value, 'base64url').length, 32)
    assert.equal(cookie.httpOnly, true)
    assert.equal(cookie.sameSite, 'Lax')
    assert.equal(cookie.path, '/')
    assert.equal(cookie.secure, undefined)
    const sessions = await app.db.models.Session.findAll()
    assert.deepEqual(sessions.map(({ id }) => id), [createHash('sha256').update(cookie.value).digest('hex')])
  })

  test('marks every cookie Secure behind https', async (t) => {
    const app = await buildNewPlatform(t, { config: { base_url: 'https://flowforge.example' } })
    const client = new Client(app)
    const page = await client.get('/setup')
    assert.deepEqual(page.cookies.map(({ name, secure }) => [name, secure]), [['_csrf', true]])
    const response = await (await setUp(app)).post('/account/login', LOGIN)
    assert.deepEqual(response.cookies.map(({ name, secure }) => [name, secure]), [['sid', true], ['_csrf', true]])
  })

  test('answers a wrong password and an unknown username in the same way', async (t) => {
    const client = await setUp(await buildNewPlatform(t))
    const wrong = await client.post('/account/login', { ...LOGIN, password: 'wrong' })
    const unknown = await client.post('/account/login', { ...LOGIN, username: 'nobody' })
    assert.equal(wrong.statusCode, 401)
    assert.deepEqual(wrong.json(), { code: 'wrong_credentials', error: 'The username or the password is wrong.' })
    assert.deepEqual([unknown.statusCode, unknown.body], [wrong.statusCode, wrong.body])
  })

  for (const [what, cost] of [['', undefined], [', also after a release with another cost', { memoryCost: 65_536, timeCost: 4, parallelism: 1 }]] as const) {
    test(`takes as long for an unknown username as for a wrong password${what}`, async (t) => {
      const app = await buildNewPlatform(t)
      const client = await setUp(app)
      if (cost) await app.db.models.User.update({ password: await hash(LOGIN.password, cost) }, { where: {} })
      const time = async (body: object) => {
        const started = performance.now()
        await client.post('/account/login', body)
        return performance.now() - started
      }
      const times = { wrong: 0, unknown: 0 }
      for (let round = 0; round < 2; round++) {
        times.wrong += await time({ ...LOGIN, password: 'wrong' })
        times.unknown += await time({ ...LOGIN, username: 'nobody' })
      }
      // Without hashing for an unknown username, that answer would be about ten times as fast; at today's cost four times.
      assert.ok(times.unknown > times.wrong / 3, JSON.stringify(times))
    })
  }

  test('replaces a hash of release 0.2.0, which takes another time to check, once its password is known', async (t) => {
    const app = await buildNewPlatform(t)
    const client = await setUp(app)
    const readCost = async () => (await app.db.models.User.findOne())!.password.split('$')[3]
    const today = await readCost()
    const password = await hash(LOGIN.password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 })
    await app.db.models.User.update({ password }, { where: {} })
    await client.post('/account/login', { ...LOGIN, password: 'wrong' })
    assert.deepEqual([today, await readCost()], ['m=9216,t=4,p=1', 'm=19456,t=2,p=1'])
    assert.deepEqual((await client.post('/account/login', LOGIN)).json(), { status: 'okay' })
    assert.equal(await readCost(), today)
    assert.deepEqual((await client.post('/account/login', LOGIN)).json(), { status: 'okay' })
  })

  test('refuses a username that a database cannot store', async (t) => {
    const client = await setUp(await buildNewPlatform(t))
    const response = await client.post('/account/login', { ...LOGIN, username: 'ada\0' })
    assert.deepEqual([response.statusCode, response.json().code], [400, 'invalid_request'])
  })

  test('is refused for a while after ten attempts in a minute', async (t) => {
    const client = await setUp(await buildNewPlatform(t))
    const statuses = new Set<number>()
    for (let attempt = 0; attempt < 10; attempt++) {
      statuses.add((await client.post('/account/login', { ...LOGIN, password: 'wrong' })).statusCode)
    }
    assert.deepEqual([...statuses], [401])
    const refused = await client.post('/account/login', LOGIN)
    assert.equal(refused.statusCode, 429)
    assert.equal(refused.json().code, 'too_many_requests')
    assert.match(refused.json().error, /^Too many attempts\. Try again in .+\.$/)
    assert.ok(Number(refused.headers['retry-after']) > 0)
  })

  test('by the form shows the form again after too many attempts', async (t) => {
    const client = await setUp(await buildNewPlatform(t))
    await client.post('/account/logout')
    const _csrf = await client.csrfToken('/account/login')
    for (let attempt = 0; attempt < 10; attempt++) await client.post('/account/login', { ...LOGIN, password: 'wrong' })
    const refused = await client.postForm('/account/login', { ...LOGIN, _csrf })
    assert.equal(refused.statusCode, 429)
    assert.match(refused.body, /role="alert"[^>]*>Too many attempts\. Try again in [^<]+\.</)
    assert.match(refused.body, /name="password"/)
    assert.match(refused.body, /stylesheet/)
  })

  test('by the form redirects; a refused form keeps the username but never the password', async (t) => {
    const client = await setUp(await buildNewPlatform(t))
    await client.post('/account/logout')
    const _csrf = await client.csrfToken('/account/login')
    const refused = await client.postForm('/account/login', { username: 'ada', password: 'not it, no', _csrf })
    assert.equal(refused.statusCode, 401)
    assert.match(refused.body, /The username or the password is wrong\./)
    assert.match(refused.body, /value="ada"/)
    assert.doesNotMatch(refused.body, /not it, no/)
    const response = await client.postForm('/account/login', { ...LOGIN, _csrf })
    assert.deepEqual([response.statusCode, response.headers.location], [303, '/'])
    assert.match((await client.get('/')).body, /Ada/)
  })
})

describe('the requested page', () => {
  const asked = '/admin/settings/telemetry?pings=all'

  test('is opened after the login, also after a wrong password', async (t) => {
    const client = await setUp(await buildNewPlatform(t))
    await client.post('/account/logout')
    const { location } = (await client.get(asked)).headers
    assert.equal(location, `/account/login?next=${encodeURIComponent(asked)}`)
    const _csrf = await client.csrfToken(location)
    const next = /name="next" value="([^"]+)"/.exec((await client.get(location)).body)?.[1] ?? ''
    assert.equal(next, asked)
    const refused = await client.postForm('/account/login', { ...LOGIN, password: 'wrong', next, _csrf })
    assert.match(refused.body, /name="next" value="\/admin/)
    assert.equal((await client.postForm('/account/login', { ...LOGIN, next, _csrf })).headers.location, asked)
    assert.equal((await client.get(location)).headers.location, asked)
  })

  test('is on this platform, else the home page is opened', async (t) => {
    const client = await setUp(await buildNewPlatform(t))
    const foreign = ['//evil.example', '/\\evil.example', 'https://evil.example', '/\t/evil.example', 'javascript:alert(1)',
      '/..//evil.example', '/%0a/evil', '\\\\evil.example', '/.//evil.example', `/${'a'.repeat(600)}`, ' //evil.example', 'x', '']
    for (const next of foreign) {
      const location = String((await client.get(`/account/login?next=${encodeURIComponent(next)}`)).headers.location)
      assert.equal(new URL(location, 'http://own.example').origin, 'http://own.example', next)
      assert.doesNotMatch(location, /^\/\/|\\|^[^/]/, next)
    }
  })
})

test('a program may send the additional fields of other front ends', async (t) => {
  const client = new Client(await buildNewPlatform(t))
  const _csrf = await client.csrfToken()
  const { password } = ACCOUNT
  for (const [url, body] of [
    ['/setup/create-user', { ...ACCOUNT, password_confirm: password }],
    ['/setup/settings', { telemetry: true, stackOverrides: {} }],
    ['/account/login', { ...LOGIN, remember: true }]
  ] as const) assert.equal((await client.post(url, { ...body, _csrf })).statusCode, 200, url)
})

test('signing out ends the session in the database, so that a copied cookie is useless', async (t) => {
  const app = await buildNewPlatform(t)
  const client = await setUp(app)
  const copy = client.cookies.sid!
  const response = await client.postForm('/account/logout', { _csrf: await client.csrfToken('/') })
  assert.deepEqual([response.statusCode, response.headers.location], [303, '/account/login'])
  assert.equal(await app.db.models.Session.count(), 0)
  client.cookies.sid = copy
  assert.equal((await client.get('/')).headers.location, '/account/login')
})

test('a session expires after a week', async (t) => {
  const app = await buildNewPlatform(t)
  const client = await setUp(app)
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 7 * 24 * 3600 * 1000 - 60_000 })
  assert.equal((await client.get('/')).statusCode, 200)
  t.mock.timers.tick(120_000)
  assert.equal((await client.get('/')).headers.location, '/account/login')
})
