import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pingProperties } from '../../src/telemetry/ping.js'
import { ACCOUNT, buildNewPlatform, Client, setUp } from '../helpers/client.js'
import { startListener } from '../helpers/listener.js'

const PAGE = '/admin/settings/telemetry'

describe('the Telemetry page', () => {
  test('explains every property of the ping', async (t) => {
    const client = await setUp(await buildNewPlatform(t))
    const { body } = await client.get(PAGE)
    for (const { path, schema } of pingProperties) {
      assert.ok(body.includes(`<code>${path}</code>`), path)
      assert.ok(body.includes(schema.description.replaceAll('"', '&quot;').replaceAll('\'', '&#39;')), path)
    }
  })

  test('turns telemetry off and on by one form each', async (t) => {
    const app = await buildNewPlatform(t)
    const client = await setUp(app)
    const _csrf = await client.csrfToken(PAGE)
    for (const enabled of [false, true]) {
      const response = await client.postForm(PAGE, { _csrf, 'telemetry:enabled': String(enabled) })
      assert.deepEqual([response.statusCode, response.headers.location], [303, PAGE])
      assert.equal(app.settings.get('telemetry:enabled'), enabled)
      assert.match((await client.get(PAGE)).body, new RegExp(`role="switch" aria-checked="${enabled}"`))
    }
  })

  test('offers nothing to send while telemetry is off, and refuses it with the explanation', async (t) => {
    const client = await setUp(await buildNewPlatform(t), false)
    const { body } = await client.get(PAGE)
    assert.doesNotMatch(body, /Send a ping now/)
    assert.match(body, /None, while telemetry is off/)
    const response = await client.postForm(`${PAGE}/pings`, { _csrf: await client.csrfToken(PAGE) })
    assert.equal(response.statusCode, 409)
    assert.match(response.body, /an administrator can change that in Admin Settings/)
  })

  test('locks the switch where the operator says no, and says where', async (t) => {
    const client = await setUp(await buildNewPlatform(t, { telemetry: { url: 'http://127.0.0.1:9', enabled: 'off' } }))
    const { body } = await client.get(PAGE)
    assert.match(body, /role="switch" aria-checked="false"[^>]* disabled/)
    assert.match(body, /flowforge\.yml, line 3/)
  })

  test('shows a receipt that it cannot compare as it came, and escaped', async (t) => {
    const listener = await startListener(t, (response) => { response.end('<script>alert("receipt")</script>') })
    const client = await setUp(await buildNewPlatform(t, { telemetry: { url: listener.url } }))
    await client.post('/api/v1/telemetry/pings')
    const { body } = await client.get(PAGE)
    assert.match(body, /&lt;script&gt;alert\(&quot;receipt&quot;\)&lt;\/script&gt;/)
    assert.doesNotMatch(body, /<script>alert/)
    assert.doesNotMatch(body, /Kept by the collector/)
  })

  test('shows the newest ten pings, and all when asked', async (t) => {
    const listener = await startListener(t)
    const client = await setUp(await buildNewPlatform(t, { telemetry: { url: listener.url } }))
    for (let sent = 0; sent < 12; sent++) await client.post('/api/v1/telemetry/pings')
    assert.equal((await client.get(PAGE)).body.match(/id="ping-\d+"/g)?.length, 10)
    assert.match((await client.get(PAGE)).body, /Show all 12/)
    assert.equal((await client.get(`${PAGE}?pings=all`)).body.match(/id="ping-\d+"/g)?.length, 12)
  })
})

test('no name is ever taken for HTML', async (t) => {
  const app = await buildNewPlatform(t)
  const client = new Client(app)
  const script = '<script>alert(1)</script>'
  const account = { ...ACCOUNT, name: script, email: `"${script}"@example.com` }
  await client.post('/setup/create-user', { ...account, _csrf: await client.csrfToken() })
  const pages = [await client.get('/setup?step=administrator')]
  const _csrf = await client.csrfToken()
  await client.post('/setup/settings', { telemetry: true, _csrf })
  pages.push(await client.get('/setup'))
  await client.post('/setup/finish', { _csrf })
  pages.push(await client.get('/'), await client.get(PAGE), await client.get('/<script>alert(1)</script>'))
  for (const { body } of pages) assert.doesNotMatch(body, /<script>/)
  assert.match(pages[2]!.body, /Hello, &lt;script&gt;/)
})
