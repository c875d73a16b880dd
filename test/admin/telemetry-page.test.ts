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

  test('turns telemetry off and on, each with one form', async (t) => {
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

  test('has no button to send while telemetry is off, and refuses the form with the explanation', async (t) => {
    const client = await setUp(await buildNewPlatform(t), false)
    const { body } = await client.get(PAGE)
    assert.doesNotMatch(body, /Send a ping now/)
    assert.match(body, /None, while telemetry is off/)
    const response = await client.postForm(`${PAGE}/pings`, { _csrf: await client.csrfToken(PAGE) })
    assert.equal(response.statusCode, 409)
    assert.match(response.body, /an administrator can change that in Admin Settings/)
  })

  test('locks the switch where the operator refuses, and shows where', async (t) => {
    const client = await setUp(await buildNewPlatform(t, { telemetry: { url: 'http://127.0.0.1:9', enabled: 'off' } }))
    const { body } = await client.get(PAGE)
    assert.match(body, /role="switch" aria-checked="false"[^>]* disabled/)
    assert.match(body, /flowforge\.yml, line 3/)
  })

  test('shows a receipt that it cannot compare unchanged and escaped', async (t) => {
    const listener = await startListener(t, (response) => { response.end('<script>alert("receipt")</script>') })
    const client = await setUp(await buildNewPlatform(t, { telemetry: { url: listener.url } }))
    const { id } = (await client.post('/api/v1/telemetry/pings')).json()
    const { body } = await client.get(`${PAGE}/pings/${id}`)
    assert.match(body, /&lt;script&gt;alert\(&quot;receipt&quot;\)&lt;\/script&gt;/)
    assert.doesNotMatch(body, /<script>alert/)
    assert.doesNotMatch(body, /kept by the collector/)
    const download = await client.get(`${PAGE}/pings/${id}/receipt`)
    assert.equal(download.body, '<script>alert("receipt")</script>')
    assert.equal(download.headers['content-type'], 'text/plain; charset=utf-8')
    assert.match(String(download.headers['content-disposition']), /^attachment;/)
  })

  test('answers 404 for a ping that is not in the log', async (t) => {
    const client = await setUp(await buildNewPlatform(t))
    for (const id of ['1', '0', '-1', '1e9', 'NaN', '9'.repeat(30), '1/receipt']) {
      assert.equal((await client.get(`${PAGE}/pings/${id}`)).statusCode, 404, id)
    }
  })

  test('shows the outcome of a ping once, and not again after a reload', async (t) => {
    const listener = await startListener(t)
    const client = await setUp(await buildNewPlatform(t, { telemetry: { url: listener.url } }))
    const response = await client.postForm(`${PAGE}/pings`, { _csrf: await client.csrfToken(PAGE) })
    assert.deepEqual([response.statusCode, response.headers.location], [303, PAGE])
    assert.match((await client.get(PAGE)).body, /role="status" id="sent"[^]*See the ping/)
    assert.doesNotMatch((await client.get(PAGE)).body, /See the ping/)
  })

  test('sends one ping for one form, however often it is submitted', async (t) => {
    const listener = await startListener(t)
    const app = await buildNewPlatform(t, { telemetry: { url: listener.url } })
    const client = await setUp(app)
    const { body } = await client.get(PAGE)
    const fields = { _csrf: valueOf(body, '_csrf'), intention: valueOf(body, 'intention') }
    await Promise.all([client.postForm(`${PAGE}/pings`, fields), client.postForm(`${PAGE}/pings`, fields)])
    await client.postForm(`${PAGE}/pings`, fields)
    assert.equal(listener.requests.length, 1)
    assert.equal((await app.telemetry.pings()).length, 1)
    await client.postForm(`${PAGE}/pings`, { ...fields, intention: valueOf((await client.get(PAGE)).body, 'intention') })
    assert.equal(listener.requests.length, 2)
    assert.equal((await client.postForm(`${PAGE}/pings`, { ...fields, intention: 'any' })).statusCode, 400)
  })

  test('shows the newest ten pings, and all on request', async (t) => {
    const listener = await startListener(t)
    const app = await buildNewPlatform(t, { telemetry: { url: listener.url } })
    const client = await setUp(app)
    await client.post('/api/v1/telemetry/pings')
    const columns = 'kind, sentAt, idempotencyKey, body, outcome, status, attempts, url'
    await app.db.sequelize.query(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 11)
      INSERT INTO TelemetryPings (${columns}) SELECT ${columns} FROM TelemetryPings, n`)
    assert.equal((await client.get(PAGE)).body.match(/id="ping-\d+"/g)?.length, 10)
    assert.match((await client.get(PAGE)).body, /Show all/)
    assert.equal((await client.get(`${PAGE}?pings=all`)).body.match(/id="ping-\d+"/g)?.length, 12)
  })
})

const valueOf = (body: string, name: string) => new RegExp(`name="${name}" value="([^"]+)"`).exec(body)?.[1] ?? ''

test('names are escaped on every page', async (t) => {
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
