import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { DAY } from '../../../src/collector/day.js'
import type { CollectorSettings } from '../../../src/collector/settings.js'
import { startPostgres, type Postgres } from '../../helpers/postgres.js'
import { describeOnBoth } from '../both-databases.js'
import { breakableLine } from '../storage/breakable-line.js'
import { instanceId, PING, postgresUrl, sqliteUrl, startCollector } from '../start-collector.js'

let postgres: Postgres
before(async () => { postgres = await startPostgres() })
after(() => postgres.stop())

const TOKEN = 'the-token-of-the-tests'
const basic = (password: string) => `Basic ${Buffer.from(`anybody:${password}`).toString('base64')}`

test('without a token in the settings there is no report, and the answer explains it', async (t) => {
  const { url } = await startCollector(t, await sqliteUrl(t))
  for (const path of ['/report', '/report.json']) {
    const response = await fetch(url + path, { headers: { authorization: 'Bearer undefined' } })
    assert.equal(response.status, 404)
    assert.match(await response.text(), /COLLECTOR_REPORT_TOKEN is not set/)
  }
})

test('the report requires its token, as a bearer token or as a browser password', async (t) => {
  const { url } = await startCollector(t, await sqliteUrl(t), { reportToken: TOKEN, trustProxy: 'loopback' })
  // Each from a different address, because guesses are limited.
  const statusWith = async (path: string, authorization?: string) => (await fetch(url + path, {
    headers: { 'x-forwarded-for': `192.0.2.${++requests}`, ...(authorization && { authorization }) }
  })).status
  let requests = 0
  for (const path of ['/report', '/report.json', '/report/report.css', '/report/pico.min.css']) {
    for (const right of [`Bearer ${TOKEN}`, basic(TOKEN)]) assert.equal(await statusWith(path, right), 200, `${path} ${right}`)
    for (const wrong of [undefined, 'Bearer', 'Bearer x', `Digest ${TOKEN}`, TOKEN, basic(`${TOKEN}x`), basic('')]) {
      assert.equal(await statusWith(path, wrong), 401, `${path} ${wrong}`)
    }
  }
  const refused = await fetch(`${url}/report`)
  assert.match(refused.headers.get('www-authenticate') ?? '', /^Basic /)
})

test('a report is a 503 while its database is down, and pings are still stored', async (t) => {
  const replica = await postgresUrl(postgres)
  await startCollector(t, replica)
  const line = await breakableLine(t, replica)
  line.cut()
  const { url, post } = await startCollector(t, await sqliteUrl(t), { reportToken: TOKEN, reportDatabaseUrl: line.url })
  const statusOfReport = async () => (await fetch(`${url}/report.json`, { headers: { authorization: `Bearer ${TOKEN}` } })).status
  assert.equal(await statusOfReport(), 503)
  assert.equal((await post(PING)).status, 200)
  await line.mend()
  assert.equal(await statusOfReport(), 200)
})

test('guesses of the token are limited per address', async (t) => {
  const { url } = await startCollector(t, await sqliteUrl(t), { reportToken: TOKEN })
  const statusWith = async (token: string) => (await fetch(`${url}/report.json`, { headers: { authorization: `Bearer ${token}` } })).status
  for (let guess = 0; guess < 10; guess++) assert.equal(await statusWith(`guess ${guess}`), 401)
  assert.equal(await statusWith('another guess'), 429)
  assert.equal(await statusWith(TOKEN), 429)
})

/** A collector with 12 installations heard on two days. The second was a Sunday, and is over. */
async function startWithFigures (t: TestContext, databaseUrl: string, settings: Partial<CollectorSettings> = {}) {
  let now = Date.parse('2026-11-21T12:00:00Z')
  const collector = await startCollector(t, databaseUrl, { reportToken: TOKEN, trustProxy: 'loopback', ...settings }, { now: () => now })
  for (let day = 0; day < 2; day++) {
    for (let number = 0; number < 12; number++) {
      const nodejs = ['v20.9.0', 'v20.10.0'][number % 2]
      await collector.post({ ...PING, instanceId: instanceId(number), os: { type: '=<script>alert(1)</script>' }, env: { nodejs } },
        { 'x-forwarded-for': `192.0.2.${number}` })
    }
    now += DAY
  }
  await collector.app.maintain()
  const read = async (path: string, headers = { authorization: `Bearer ${TOKEN}` }) => fetch(collector.url + path, { headers })
  return { ...collector, read, json: async (path: string) => await (await read(path)).json() as any }
}

describeOnBoth('the report', (create) => {
  test('has the activity, the weeks and the distributions of finished days, as JSON and as CSV', async (t) => {
    const { json, read } = await startWithFigures(t, await create(t))
    const report = await json('/report.json')
    assert.equal(report.newest, '2026-11-22')
    assert.deepEqual(report.activity.at(-1), { day: '2026-11-22', onDay: 10, in7Days: 10, in30Days: 10 })
    assert.deepEqual(report.weeks, [{ day: '2026-11-22', new: 10, returning: 0, lost: 0 }])
    const versions = [{ name: 'v20.10.0', installations: 5 }, { name: 'v20.9.0', installations: 5 }]
    assert.deepEqual(report.distributions.nodejs, versions)
    assert.deepEqual(report.versions.nodejs, [{ day: '2026-11-22', buckets: versions }])
    const csv = await (await read('/report.csv?figure=active')).text()
    assert.deepEqual(csv.split('\r\n').slice(-4), ['2026-11-22,active,day,10', '2026-11-22,active,month,10', '2026-11-22,active,week,10', ''])
    assert.match(await (await read('/report.csv')).text(), /,os_type,'=<script>/)
  })

  test('covers the requested days', async (t) => {
    const { json, read } = await startWithFigures(t, await create(t))
    const report = await json('/report.json?from=2026-11-21&to=2026-11-21')
    assert.deepEqual([report.from, report.to, report.newest, report.activity.length], ['2026-11-21', '2026-11-21', '2026-11-21', 1])
    assert.equal((await json('/report.json?to=2026-10-01')).newest, null)
    for (const wrong of ['from=yesterday', 'to=2026-02-30', 'from=2026-11-22&to=2026-11-21']) {
      assert.equal((await read(`/report.json?${wrong}`)).status, 400, wrong)
    }
  })
})

test('the page is complete without scripts, has SVG, and loads nothing from other hosts', async (t) => {
  const { read } = await startWithFigures(t, await sqliteUrl(t))
  const response = await read('/report')
  const policy = response.headers.get('content-security-policy') ?? ''
  assert.match(policy, /^default-src 'none';style-src 'self'/)
  assert.doesNotMatch(policy, /unsafe|http/)
  assert.match(response.headers.get('strict-transport-security') ?? '', /^max-age=\d+$/, 'of this host alone')
  assert.match(response.headers.get('content-type') ?? '', /^text\/html/)
  const html = await response.text()
  assert.ok(html.match(/role="img"/g)!.length >= 10)
  assert.equal(html.match(/<table>/g)?.length, html.match(/role="img"/g)?.length)
  assert.doesNotMatch(html, /<script|style="|https?:\/\//)
  assert.match(html, /&lt;script&gt;alert/)
})

test('without figures the page explains when there will be some', async (t) => {
  const { url } = await startCollector(t, await sqliteUrl(t), { reportToken: TOKEN })
  const html = await (await fetch(`${url}/report`, { headers: { authorization: `Bearer ${TOKEN}` } })).text()
  assert.match(html, /There are no figures for these days yet/)
})

test('the figures of finished weeks are public only if the operator sets it', async (t) => {
  const closed = await startCollector(t, await sqliteUrl(t), { reportToken: TOKEN })
  for (const path of ['/usage', '/usage.json']) assert.equal((await fetch(closed.url + path)).status, 404)
  const { url } = await startWithFigures(t, await sqliteUrl(t), { public: true })
  const report = await (await fetch(`${url}/usage.json`)).json() as any
  assert.deepEqual([report.to, report.activity.at(-1).in30Days], ['2026-11-22', 10])
  const html = await (await fetch(`${url}/usage`)).text()
  assert.match(html, /Active installations/)
  assert.doesNotMatch(html, /"\/report/)
})
