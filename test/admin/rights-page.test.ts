import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { sqliteUrl, startCollector } from '../collector/start-collector.js'
import { buildNewPlatform, setUp, type Client } from '../helpers/client.js'
import { startListener } from '../helpers/listener.js'

const PAGE = '/admin/settings/telemetry'
const CONFIRMED = { confirm: 'true' }

/** A platform that sends to `url`, with a signed-in administrator. */
async function start (t: TestContext, url: string, telemetry: object = {}) {
  const app = await buildNewPlatform(t, { telemetry: { url, ...telemetry } })
  const client = await setUp(app)
  return { app, client }
}

async function press (client: Client, form: string, fields: Record<string, string> = {}) {
  return client.postForm(`${PAGE}/${form}`, { _csrf: await client.csrfToken(PAGE), ...fields })
}

/** The button with the focus when the page opens. */
const focused = (body: string) => /<button[^>]* autofocus[^>]*>([^<]*)/.exec(body)?.[1]?.trim()

const problemIn = (body: string) => /role="alert" id="rights-problem">([^<]*)/.exec(body)?.[1]

describe('the Telemetry page, with a collector', () => {
  test('shows the data it holds of this installation', async (t) => {
    const collector = await startCollector(t, await sqliteUrl(t))
    const { app, client } = await start(t, collector.url)
    await app.telemetry.send()
    const { statusCode, body } = await press(client, 'held')
    assert.equal(statusCode, 200)
    assert.match(body, /&quot;pingsKept&quot;: 1/)
    assert.equal(focused(body), 'Ask the receiver what it holds')
    assert.doesNotMatch(body, /role="alert"/)
  })

  test('deletes everything and takes a new id after a confirmation, and reports it once', async (t) => {
    const collector = await startCollector(t, await sqliteUrl(t))
    const { app, client } = await start(t, collector.url)
    await app.telemetry.send()
    const before = app.settings.get('instanceId')

    const unconfirmed = await press(client, 'forget')
    assert.equal(unconfirmed.statusCode, 400)
    assert.match(problemIn(unconfirmed.body)!, /Nothing was deleted: tick the box/)
    assert.equal((await collector.rows()).length, 1)

    const { statusCode, headers } = await press(client, 'forget', CONFIRMED)
    assert.deepEqual([statusCode, headers.location], [303, PAGE])
    assert.equal((await collector.rows()).length, 0)
    assert.notEqual(app.settings.get('instanceId'), before)
    const { body } = await client.get(PAGE)
    assert.match(body, /role="status" id="rights-result">127\.0\.0\.1:\d+ says that it has deleted 1 ping and .+\. This installation has a new id\./)
    assert.equal(focused(body), 'Delete what was sent, and take a new id')
    assert.doesNotMatch((await client.get(PAGE)).body, /has deleted/)
    assert.deepEqual((await app.decisions.list()).map(({ action, way, who }) => [action, way, who])[0], ['forget', 'page', 'ada'])
  })

  test('takes a new id without asking the receiver', async (t) => {
    const listener = await startListener(t)
    const { app, client } = await start(t, listener.url)
    const before = app.settings.get('instanceId')
    assert.equal((await press(client, 'new-id')).statusCode, 303)
    assert.notEqual(app.settings.get('instanceId'), before)
    const { body } = await client.get(PAGE)
    assert.match(body, /id="rights-result">This installation has a new id\.</)
    assert.equal(focused(body), 'Take a new id')
    assert.equal(listener.connections(), 0)
  })
})

describe('the Telemetry page, with a receiver', () => {
  test('that does not offer it, shows that in the section, and keeps the switch', async (t) => {
    const listener = await startListener(t, (response) => { response.writeHead(404).end() })
    const { app, client } = await start(t, listener.url)
    const before = app.settings.get('instanceId')
    for (const [form, button] of [['held', /^Ask the receiver/], ['forget', /^Delete what was sent/]] as const) {
      const { statusCode, body } = await press(client, form, form === 'forget' ? CONFIRMED : {})
      assert.equal(statusCode, 502)
      assert.match(problemIn(body)!, /^127\.0\.0\.1:\d+ does not .+ by itself\./)
      assert.match(focused(body)!, button)
      assert.match(body, /role="switch" aria-checked="true"/)
      assert.doesNotMatch(body, /has deleted|id="send-problem"|id="switch-problem"/)
    }
    assert.equal(app.settings.get('instanceId'), before)
  })

  test('that cannot be reached, shows that with status 503', async (t) => {
    const { client } = await start(t, 'http://127.0.0.1:9/')
    const { statusCode, body } = await press(client, 'held')
    assert.equal(statusCode, 503)
    assert.match(problemIn(body)!, /refused the connection/)
  })

  test('that answers too much, shows 32 KiB of it, escaped, on a small page', async (t) => {
    const held = { pings: ['<script>alert(1)</script>', 'x'.repeat(100_000)] }
    const listener = await startListener(t, (response) => { response.end(JSON.stringify({ status: 'success', held })) })
    const { client } = await start(t, listener.url)
    const { body } = await press(client, 'held')
    assert.match(body, /&lt;script&gt;alert\(1\)/)
    assert.doesNotMatch(body, /<script>alert/)
    const shown = /x{1000,}/.exec(body)![0].length
    assert.ok(shown > 32_000 && shown < 32_768, String(shown))
    assert.match(body, /Only the beginning is shown\./)
  })

  test('offers only a new id where the operator has turned telemetry off', async (t) => {
    const listener = await startListener(t)
    const { client } = await start(t, listener.url, { enabled: false })
    const { body } = await client.get(PAGE)
    assert.doesNotMatch(body, /Ask the receiver what it holds|Delete what was sent/)
    assert.match(body, /Nothing can be asked of the receiver at the moment\. Telemetry is off: .*flowforge\.yml/)
    const refused = await press(client, 'held')
    assert.equal(refused.statusCode, 409)
    assert.match(problemIn(refused.body)!, /^Telemetry is off: /)
    assert.equal((await press(client, 'new-id')).statusCode, 303)
    assert.equal(listener.connections(), 0)
  })
})
