import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startPostgres, type Postgres } from '../../helpers/postgres.js'
import { breakableLine } from '../storage/breakable-line.js'
import { PING, postgresUrl, sqliteUrl, startCollector } from '../start-collector.js'

let postgres: Postgres
before(async () => { postgres = await startPostgres() })
after(() => postgres.stop())

const TOKEN = 'the-token-of-the-tests'
const basic = (password: string) => `Basic ${Buffer.from(`anybody:${password}`).toString('base64')}`

test('without a token in the settings there is no report, and the answer says so', async (t) => {
  const { url } = await startCollector(t, await sqliteUrl(t))
  for (const path of ['/report', '/report.json']) {
    const response = await fetch(url + path, { headers: { authorization: 'Bearer undefined' } })
    assert.equal(response.status, 404)
    assert.match(await response.text(), /COLLECTOR_REPORT_TOKEN is not set/)
  }
})

test('the report opens to its token alone, as a bearer token or as the password of a browser', async (t) => {
  const { url } = await startCollector(t, await sqliteUrl(t), { reportToken: TOKEN })
  const statusWith = async (path: string, authorization?: string) =>
    (await fetch(url + path, { headers: authorization ? { authorization } : {} })).status
  for (const path of ['/report', '/report.json', '/report/report.css', '/report/pico.min.css']) {
    for (const right of [`Bearer ${TOKEN}`, basic(TOKEN)]) assert.equal(await statusWith(path, right), 200, `${path} ${right}`)
    for (const wrong of [undefined, 'Bearer', 'Bearer x', `Digest ${TOKEN}`, TOKEN, basic(`${TOKEN}x`), basic('')]) {
      assert.equal(await statusWith(path, wrong), 401, `${path} ${wrong}`)
    }
  }
  const refused = await fetch(`${url}/report`)
  assert.match(refused.headers.get('www-authenticate') ?? '', /^Basic /)
})

test('a report whose database is away is a 503 until it is back, and the intake goes on', async (t) => {
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

test('a ping that was just answered is in the report', async (t) => {
  const { url, post } = await startCollector(t, await sqliteUrl(t), { reportToken: TOKEN })
  const read = async () => await (await fetch(`${url}/report.json`, { headers: { authorization: `Bearer ${TOKEN}` } })).json() as any
  assert.deepEqual((await read()).activity.at(-1), { day: new Date().toISOString().slice(0, 10), onDay: 0, in7Days: 0, in30Days: 0 })
  await post(PING)
  assert.equal((await read()).activity.at(-1).in30Days, 1)
})

test('the page is whole without a script, draws SVG, and asks no other host for anything', async (t) => {
  const { url, post } = await startCollector(t, await sqliteUrl(t), { reportToken: TOKEN })
  const os = { ...PING.os, type: '<script>alert(1)</script>' }
  for (let i = 0; i < 6; i++) await post({ ...PING, os, instanceId: PING.instanceId.replace(/^./, String(i)) })
  const response = await fetch(`${url}/report`, { headers: { authorization: `Bearer ${TOKEN}` } })
  const policy = response.headers.get('content-security-policy') ?? ''
  assert.match(policy, /^default-src 'none';style-src 'self'/)
  assert.doesNotMatch(policy, /unsafe|http/)
  assert.match(response.headers.get('content-type') ?? '', /^text\/html/)
  const html = await response.text()
  assert.equal(html.match(/<table>/g)?.length, html.match(/role="img"/g)?.length)
  assert.doesNotMatch(html, /<script|style="|https?:\/\//)
  assert.match(html, /&lt;script&gt;alert/)
})
