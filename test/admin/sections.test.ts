import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { buildNewPlatform, setUp, type Client } from '../helpers/client.js'
import { holdTable } from '../helpers/hold-table.js'
import { startListener } from '../helpers/listener.js'
import { startPostgres, type Postgres } from '../helpers/postgres.js'
import { isSoak } from '../helpers/soak.js'

const PAGE = '/admin/settings/telemetry'

/** The text that the page shows in place of each missing section. */
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

/** Returns the missing sections with what is shown instead, and checks that the switch still turns telemetry off and on. */
async function readMissing ({ app, client }: { app: FastifyInstance, client: Client }, isShownAgain = true): Promise<Map<string, string>> {
  const page = await client.get(PAGE)
  assert.equal(page.statusCode, 200)
  const _csrf = /name="_csrf" value="([^"]+)"/.exec(page.body)![1]!
  for (const enabled of [false, true]) {
    const response = await client.postForm(PAGE, { _csrf, 'telemetry:enabled': String(enabled) })
    assert.equal(response.statusCode, 303, response.body)
    assert.equal(app.settings.get('telemetry:enabled'), enabled)
    if (isShownAgain) assert.match((await client.get(PAGE)).body, new RegExp(`role="switch" aria-checked="${enabled}"`))
  }
  return new Map(Object.entries(MISSING).flatMap(([name, pattern]) => {
    const found = pattern.exec(page.body)
    return found ? [[name, found[1]!]] : []
  }))
}

const findMissing = async (platform: Parameters<typeof readMissing>[0]) => [...(await readMissing(platform)).keys()]

// The pages with a slow section wait two seconds; the others are made meanwhile.
describe('the Telemetry page,', { concurrency: true }, () => {
  describe('a failure in one section of the Telemetry page affects neither the others nor the switch:', () => {
    test('without a failure all sections are shown', async (t) => {
      assert.deepEqual(await findMissing(await build(t)), [])
    })

    test('an entry with an invalid time', async (t) => {
      const platform = await build(t)
      await platform.app.telemetry.send()
      await platform.run("UPDATE TelemetryPings SET sentAt = 'yesterday' WHERE id = 1")
      assert.deepEqual(await findMissing(platform), ['entry'])
      assert.match((await platform.client.get(PAGE)).body, /pings\/2/)
    })

    test('the preview with an invalid instanceId', async (t) => {
      const platform = await build(t)
      await platform.run("UPDATE PlatformSettings SET value = '\"not a UUID\"' WHERE key = 'instanceId'")
      const { body } = await platform.client.get(PAGE)
      assert.match(body, /lacks the setting instanceId, a random UUID\. Once that is corrected, telemetry is on unless/)
      assert.deepEqual(await findMissing(platform), ['preview'])
    })

    test('an entry with an answer nested 3,000 deep is shown with its ping', async (t) => {
      const platform = await build(t)
      const receipt = `{"received":${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}}`
      await platform.app.db.sequelize.query('UPDATE TelemetryPings SET receipt = $1', { bind: [receipt] })
      assert.deepEqual(await findMissing(platform), [])
      const { body } = await platform.client.get(`${PAGE}/pings/1`)
      assert.match(body, /The answer holds more than is compared here/)
      assert.match(body, />dropped</)
    })

    test('an entry with only invalid values is in the log and its download', async (t) => {
      const platform = await build(t)
      await platform.run("UPDATE TelemetryPings SET body = 'x', url = 'y', nextAttemptAt = 'z', receipt = '{', sentAt = 'yesterday'")
      assert.deepEqual(await findMissing(platform), ['entry'])
      const [ping] = (await platform.client.request({ url: '/api/v1/telemetry/pings' })).json()
      assert.deepEqual([ping.body, ping.sentAt, ping.nextAttemptAt], ['x', null, null])
    })

    test('the last decision with an invalid time', async (t) => {
      const platform = await build(t)
      await platform.run("UPDATE TelemetryDecisions SET decidedAt = 'yesterday'")
      const page = await platform.client.get(PAGE)
      assert.match(page.body, MISSING.decided)
      assert.deepEqual(await findMissing(platform), ['decided'])
    })

    test('the decisions without their table: opting out is saved and reported, opting in is refused', async (t) => {
      const platform = await build(t)
      await platform.run('DROP TABLE TelemetryDecisions')
      const { statusCode, body } = await platform.client.get(PAGE)
      assert.equal(statusCode, 200)
      assert.match(body, MISSING.decided)
      const _csrf = await platform.client.csrfToken(PAGE)
      const decide = (enabled: string) => platform.client.postForm(PAGE, { _csrf, 'telemetry:enabled': enabled })
      assert.equal((await decide('false')).statusCode, 303)
      const off = await platform.client.get(PAGE)
      assert.match(off.body, /role="alert">The decision is saved, but the database could not record who made it\./)
      assert.match(off.body, /Turned off by <strong>ada<\/strong>\s+on this page/)
      const refused = await decide('true')
      assert.equal(refused.statusCode, 503)
      assert.match(refused.body, /Telemetry was not turned on: the database could not save that\./)
      assert.equal((await platform.app.telemetry.consent()).allowed, false)
    })
  })

  describe('a ping that cannot be sent is explained in its section, and the switch works,', () => {
    for (const [what, sql, section] of [
      ['the log has no table', 'DROP TABLE TelemetryPings', 'log'],
      ['a count fails', 'ALTER TABLE Projects RENAME TO Away', 'preview'],
      ['the instanceId is invalid', "UPDATE PlatformSettings SET value = '7' WHERE key = 'instanceId'", 'preview']
    ] as const) {
      test(`because ${what}`, async (t) => {
        const platform = await build(t)
        const _csrf = await platform.client.csrfToken(PAGE)
        await platform.run(sql)
        const { statusCode, body } = await platform.client.postForm(`${PAGE}/pings`, { _csrf })
        assert.ok([409, 503].includes(statusCode), String(statusCode))
        assert.match(body, /role="alert" id="send-problem">(No ping was sent\.|Telemetry is off: )/)
        assert.deepEqual(await findMissing(platform), [section])
      })
    }
  })

  describe('a slow section', { concurrency: true }, () => {
    let postgres: Postgres
    before(async () => { postgres = await startPostgres() })
    after(() => postgres.stop())

    for (const [section, table] of [['preview', 'Projects'], ['log', 'TelemetryPings']] as const) {
      test(`is left out: the ${section} while the table ${table} is locked`, async (t) => {
        const { ssl, ...db } = await postgres.createDatabase()
        const app = await buildNewPlatform(t, { config: { db } })
        const client = await setUp(app)
        await app.telemetry.send()
        const hold = await holdTable({ ssl, ...db }, table)
        try {
          // Each page takes two seconds. Without a lock, the tests above look at the switch again.
          const missing = await readMissing({ app, client }, isSoak)
          assert.deepEqual([...missing.keys()], [section])
          assert.match(missing.get(section)!, /^The database took longer than 2 seconds\./)
        } finally {
          await hold.release()
        }
      })
    }
  })
})
