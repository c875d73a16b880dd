import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ACCOUNT, buildNewPlatform, Client } from '../helpers/client.js'
import { buildPlatform } from '../helpers/platform.js'

describe('the wizard without scripts', () => {
  test('leads from step to step to the home page', async (t) => {
    const app = await buildNewPlatform(t)
    const client = new Client(app)
    const _csrf = await client.csrfToken()
    const created = await client.postForm('/setup/create-user', { ...ACCOUNT, _csrf })
    assert.deepEqual([created.statusCode, created.headers.location], [303, '/setup'])
    const decided = await client.postForm('/setup/settings', { telemetry: 'true', _csrf })
    assert.deepEqual([decided.statusCode, decided.headers.location], [303, '/setup'])
    const finished = await client.postForm('/setup/finish', { _csrf })
    assert.deepEqual([finished.statusCode, finished.headers.location], [303, '/'])
    assert.equal((await client.get('/')).statusCode, 200)
  })

  test('treats an absent switch as an opt-out, and refuses any other value', async (t) => {
    const app = await buildNewPlatform(t)
    const client = new Client(app)
    const _csrf = await client.csrfToken()
    assert.equal((await client.postForm('/setup/settings', { telemetry: 'yes', _csrf })).statusCode, 400)
    assert.equal(await app.db.models.PlatformSetting.findByPk('telemetry:enabled'), null)
    await client.postForm('/setup/settings', { _csrf })
    assert.equal(app.settings.get('telemetry:enabled'), false)
  })

  test('shows the rules first, and after an error keeps all values except the password', async (t) => {
    const client = new Client(await buildNewPlatform(t))
    const _csrf = await client.csrfToken()
    const rule = /At least 8 characters/
    assert.match((await client.get('/setup')).body, rule)
    const response = await client.postForm('/setup/create-user', {
      name: '<script>alert(1)</script>', username: 'ada lovelace', email: '"><b>', password: 'geheim', _csrf
    })
    assert.equal(response.statusCode, 400)
    assert.match(response.body, rule)
    assert.match(response.body, /value="ada lovelace"/)
    assert.match(response.body, /value="&lt;script&gt;alert\(1\)&lt;\/script&gt;"/)
    assert.match(response.body, /value="&quot;&gt;&lt;b&gt;"/)
    assert.equal(response.body.match(/aria-invalid="true"/g)?.length, 3)
    assert.match(response.body, /This is too short: it has 6 characters, and needs at least 8\./)
    assert.match(response.body, /This has a character other than letters, digits, - and _\./)
    assert.match(response.body, /This is not an email address/)
    assert.match(response.body, /role="alert"[^>]*>\s*Please correct:\s*<a href="#username">Username<\/a>/)
    assert.doesNotMatch(response.body, /geheim/)
  })

  test('names empty fields, and the length of a field that is too long', async (t) => {
    const client = new Client(await buildNewPlatform(t))
    const _csrf = await client.csrfToken()
    const { body } = await client.postForm('/setup/create-user', { name: '  ', username: 'u'.repeat(65), email: '', _csrf })
    for (const problem of ['Enter a name.', 'Enter an email.', 'Enter a password.', 'it has 65 characters, and can have at most 64.']) {
      assert.ok(body.includes(problem), problem)
    }
  })

  test('asks the loser of the race for the first account to sign in', async (t) => {
    const app = await buildNewPlatform(t)
    const [first, second] = [new Client(app), new Client(app)]
    const [one, other] = [await first.csrfToken(), await second.csrfToken()]
    await first.postForm('/setup/create-user', { ...ACCOUNT, _csrf: one })
    const response = await second.postForm('/setup/create-user', { ...ACCOUNT, username: 'bob', _csrf: other })
    assert.equal(response.statusCode, 409)
    assert.match(response.body, /An administrator has been created in the meantime/)
    assert.match(response.body, /href="\/account\/login"/)
    assert.doesNotMatch(response.body, /ada@example\.com/)
  })

  test('continues after a restart, and its steps can be visited again', async (t) => {
    const telemetry = { url: 'http://127.0.0.1:9' }
    const { app, home } = await buildPlatform(t, { telemetry, initialised: false })
    const client = new Client(app)
    await client.post('/setup/create-user', { ...ACCOUNT, _csrf: await client.csrfToken() })
    await app.close()

    const restarted = new Client((await buildPlatform(t, { telemetry, initialised: false, home })).app)
    const stranger = await restarted.get('/setup')
    assert.match(stranger.body, /Sign in/)
    assert.doesNotMatch(stranger.body, /ada@example\.com/)
    Object.assign(restarted.cookies, client.cookies)
    assert.match((await restarted.get('/setup')).body, /aria-current="step"[^]*?Telemetry/)
    assert.match((await restarted.get('/setup?step=administrator')).body, /ada@example\.com/)
    assert.match((await restarted.get('/setup?step=finish')).body, /action="\/setup\/settings"/)
    const _csrf = await restarted.csrfToken()
    await restarted.post('/setup/settings', { telemetry: false, _csrf })
    assert.match((await restarted.get('/setup')).body, /action="\/setup\/finish"/)
    assert.match((await restarted.get('/setup?step=telemetry')).body, /action="\/setup\/settings"/)
  })
})
