import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, test, type TestContext } from 'node:test'
import pg from 'pg'
import { startPostgres, type Postgres } from '../../helpers/postgres.js'
import { breakableLine } from '../storage/breakable-line.js'
import { instanceId, PING, postgresUrl, sqliteUrl, startCollector } from '../start-collector.js'

let postgres: Postgres
before(async () => { postgres = await startPostgres() })
after(() => postgres.stop())

test('pings above the limit per minute and address are a 429 with Retry-After', async (t) => {
  const { post } = await startCollector(t, await sqliteUrl(t), { rateLimit: 3, trustProxy: 'loopback' })
  const from = (address: string) => post(PING, { 'x-forwarded-for': address })
  for (let i = 0; i < 3; i++) assert.equal((await from('192.0.2.1')).status, 200)
  const refused = await from('192.0.2.1')
  assert.equal(refused.status, 429)
  assert.deepEqual(refused.body, { status: 'error', error: 'too many requests from one address' })
  const seconds = Number(refused.headers.get('retry-after'))
  assert.ok(seconds >= 60 && seconds < 120, `retry-after ${seconds}`)
  assert.equal((await from('192.0.2.2')).status, 200)
})

async function sendSlowly (t: TestContext, url: string, head: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('latin1').on('error', () => {})
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  socket.write(head)
  return (await socket.toArray()).join('')
}

test('a sender that does not finish its request is disconnected', async (t) => {
  const { url, rows } = await startCollector(t, await sqliteUrl(t), { requestTimeout: 1 })
  const head = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n'
  assert.match(await sendSlowly(t, url, `${head}content-length: 100\r\n\r\n{"instanceId":`), /^HTTP\/1\.1 408 /)
  assert.match(await sendSlowly(t, url, head), /^HTTP\/1\.1 408 /)
  assert.equal((await rows()).length, 0)
})

test('a connection that a sender leaves open is closed within a minute', async (t) => {
  const { app } = await startCollector(t, await sqliteUrl(t))
  const { keepAliveTimeout, headersTimeout, requestTimeout } = app.server
  for (const [name, ms] of Object.entries({ keepAliveTimeout, headersTimeout, requestTimeout })) assert.ok(ms > 0 && ms < 60_000, name)
})

test('an endless body is a 413 as soon as it is too long', async (t) => {
  const { url } = await startCollector(t, await sqliteUrl(t))
  const socket = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('latin1').on('error', () => {})
  t.after(() => socket.destroy())
  socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n')
  for (let i = 0; i < 70; i++) socket.write(`400\r\n${'x'.repeat(1024)}\r\n`)
  const [answer] = await once(socket, 'data')
  assert.match(answer, /^HTTP\/1\.1 413 /)
})

test('while the database is down pings are a 503 without details, and afterwards they are stored', async (t) => {
  const line = await breakableLine(t, await postgresUrl(postgres))
  const { url, post } = await startCollector(t, line.url)
  assert.equal((await post(PING)).status, 200)
  line.cut()
  const refused = await post(PING)
  assert.equal(refused.status, 503)
  assert.ok(Number(refused.headers.get('retry-after')) > 0)
  assert.deepEqual(refused.body, { status: 'error', error: 'the collector cannot store pings at the moment; try again later' })
  assert.equal((await fetch(`${url}/health`)).status, 503)
  await line.mend()
  assert.equal((await post(PING)).status, 200)
  assert.equal((await fetch(`${url}/health`)).status, 200)
})

test('when the queue is full further pings are a 503, and those in the queue are stored', async (t) => {
  const databaseUrl = await postgresUrl(postgres)
  const { app, post, rows } = await startCollector(t, databaseUrl, { rateLimit: 10_000 })
  await post(PING)
  const other = new pg.Client(databaseUrl)
  await other.connect()
  t.after(() => other.end())
  await other.query('BEGIN')
  await other.query('LOCK TABLE pings IN ACCESS EXCLUSIVE MODE')
  const answers = Array.from({ length: 2200 }, (_, number) => app.inject({ method: 'POST', url: '/', payload: { ...PING, instanceId: instanceId(number) } }))
  const first = await Promise.race(answers)
  assert.equal(first.statusCode, 503)
  assert.ok(Number(first.headers['retry-after']) > 0)
  await other.query('COMMIT')
  const stored = (await Promise.all(answers)).filter(({ statusCode }) => statusCode === 200).length
  assert.ok(stored >= 2000 && stored < 2200, `${stored} stored`)
  assert.equal((await rows()).length, stored + 1)
})
