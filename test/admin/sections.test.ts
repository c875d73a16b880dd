import assert from 'node:assert/strict'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { after, before, describe, test, type TestContext } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { buildNewPlatform, setUp, type Client } from '../helpers/client.js'
import { holdTable } from '../helpers/hold-table.js'
import { startListener } from '../helpers/listener.js'
import { startPostgres, type Postgres } from '../helpers/postgres.js'

const PAGE = '/admin/settings/telemetry'

/** The section that is missing, by what the page says in its place. */
const MISSING = {
  preview: /The ping cannot be shown at the moment\. ([^<]+)/,
  log: /The log cannot be shown at the moment\. ([^<]+)/,
  entry: /(This entry of the log is damaged and cannot be shown)/,
  decided: /Who decided last cannot be shown at the moment\. ([^<]+)/
}

/** A platform with one ping in its log, and an administrator. */
async function build (t: TestContext): Promise<{ app: FastifyInstance, client: Client, run: (sql: string) => Promise<unknown> }> {
  const listener = await startListener(t)
  const app = await buildNewPlatform(t, { telemetry: { url: listener.url } })
  const client = await setUp(app)
  await app.telemetry.send()
  return { app, client, run: (sql) => app.db.sequelize.query(sql) }
}

/** Sees which sections are missing, and that the switch turns telemetry off and on all the same. */
async function findMissing ({ app, client }: { app: FastifyInstance, client: Client }): Promise<string[]> {
  const page = await client.get(PAGE)
  assert.equal(page.statusCode, 200)
  const _csrf = /name="_csrf" value="([^"]+)"/.exec(page.body)![1]!
  for (const enabled of [false, true]) {
    const response = await client.postForm(PAGE, { _csrf, 'telemetry:enabled': String(enabled) })
    assert.equal(response.statusCode, 303, response.body)
    assert.equal(app.settings.get('telemetry:enabled'), enabled)
    assert.match((await client.get(PAGE)).body, new RegExp(`role="switch" aria-checked="${enabled}"`))
  }
  return Object.entries(MISSING).filter(([, pattern]) => pattern.test(page.body)).map(([name]) => name)
}

describe('a section of the Telemetry page that fails does so alone, and the switch works', () => {
  test('all of them are there', async (t) => {
    assert.deepEqual(await findMissing(await build(t)), [])
  })

  test('the log, whose table is gone', async (t) => {
    const platform = await build(t)
    await platform.run('DROP TABLE TelemetryPings')
    assert.deepEqual(await findMissing(platform), ['log'])
  })

  test('one entry, whose time is damaged', async (t) => {
    const platform = await build(t)
    await platform.app.telemetry.send()
    await platform.run("UPDATE TelemetryPings SET sentAt = 'yesterday' WHERE id = 1")
    assert.deepEqual(await findMissing(platform), ['entry'])
    assert.match((await platform.client.get(PAGE)).body, /pings\/2/)
  })

  test('the preview, whose count fails', async (t) => {
    const platform = await build(t)
    await platform.run('ALTER TABLE Projects RENAME TO Away')
    assert.deepEqual(await findMissing(platform), ['preview'])
  })

  test('the preview, for a damaged instanceId', async (t) => {
    const platform = await build(t)
    await platform.run("UPDATE PlatformSettings SET value = '\"not a UUID\"' WHERE key = 'instanceId'")
    const { body } = await platform.client.get(PAGE)
    assert.match(body, /lacks the setting instanceId, a random UUID\. Once that is corrected, telemetry is on unless/)
    assert.deepEqual(await findMissing(platform), ['preview'])
  })

  test('the last decision, whose time is damaged', async (t) => {
    const platform = await build(t)
    await platform.run("UPDATE TelemetryDecisions SET decidedAt = 'yesterday'")
    assert.deepEqual(await findMissing(platform), ['decided'])
  })
})

describe('a section that is slow', () => {
  let postgres: Postgres
  before(async () => { postgres = await startPostgres() })
  after(() => postgres.stop())

  for (const [section, table] of [['preview', 'Projects'], ['log', 'TelemetryPings']] as const) {
    test(`is left out: the ${section}, whose table ${table} is locked`, async (t) => {
      const { ssl, ...db } = await postgres.createDatabase()
      const app = await buildNewPlatform(t, { config: { db } })
      const client = await setUp(app)
      await app.telemetry.send()
      const hold = await holdTable({ ssl, ...db }, table)
      try {
        assert.deepEqual(await findMissing({ app, client }), [section])
        assert.match((await client.get(PAGE)).body, /The database took longer than 2 seconds\./)
      } finally {
        await hold.release()
      }
    })
  }
})

/** Answers of 64 KiB that are hard on whoever shows them. */
const SHAPES: Record<string, string> = {
  'many properties': fill((index) => `"k${index}":${index}`),
  'nested objects': `{"received":${'{"a":'.repeat(10_900)}1${'}'.repeat(10_900)}}`,
  'nested arrays': `{"received":${'['.repeat(32_000)}${']'.repeat(32_000)}}`,
  'one long text': JSON.stringify({ received: { text: 'x'.repeat(65_000) } }),
  'one long name': JSON.stringify({ received: { ['x'.repeat(65_000)]: 1 } }),
  'what HTML escapes': '"'.repeat(65_536),
  'other alphabets': 'ﷺ'.repeat(21_845),
  'wide and deep': fill((index) => `"k${index}":${'{"a":'.repeat(20)}${index}${'}'.repeat(20)}`)
}

function fill (entry: (index: number) => string): string {
  const entries: string[] = []
  for (let size = 20; size < 65_000; size += entries.at(-1)!.length + 1) entries.push(entry(entries.length))
  return `{"received":{${entries.join(',')}}}`
}

test('the page stays small, and the server awake, with a log of the largest and strangest answers', async (t) => {
  const shapes = Object.values(SHAPES)
  const app = await buildNewPlatform(t)
  const client = await setUp(app)
  const { id } = await app.telemetry.send()
  const columns = 'kind, sentAt, idempotencyKey, body, outcome, status, attempts'
  for (let copy = 0; copy < 31; copy++) {
    await app.db.sequelize.query(
      `INSERT INTO TelemetryPings (${columns}, receipt) SELECT ${columns}, $1 FROM TelemetryPings WHERE id = ${id}`,
      { bind: [shapes[copy % shapes.length]] })
  }
  const urls = [PAGE, `${PAGE}?pings=all`, ...shapes.map((_shape, index) => `${PAGE}/pings/${id + 1 + index}`)]
  for (const url of urls) {
    // The machine may be busy with something else: what the page itself takes shows in the best of a few.
    const stalls: number[] = []
    for (let round = 0; round < 5; round++) {
      const delay = monitorEventLoopDelay({ resolution: 1 })
      delay.enable()
      const response = await client.get(url)
      delay.disable()
      assert.equal(response.statusCode, 200, url)
      assert.ok(response.body.length < 300_000, `${url} has ${response.body.length} bytes`)
      stalls.push(delay.max / 1e6)
    }
    assert.ok(Math.min(...stalls) < 50, `${url} stalls the event loop for ${Math.min(...stalls)} ms`)
  }
})
