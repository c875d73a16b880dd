import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { after, before, test } from 'node:test'
import { findBytes } from '../helpers/find-bytes.js'
import { startOwnPostgres, type Postgres } from '../helpers/postgres.js'
import { bytesIn, dataDirectory, KEY, PING, postgresUrl, sqliteUrl, startCollector } from './start-collector.js'

/** Addresses whose bytes come up nowhere by chance. */
const SENDERS = ['127.183.194.237', '127.201.222.179', '127.166.251.133']
const FORGED = '203.179.211.187'

const VALID = JSON.stringify(PING)
const MALFORMED = ['', '{"instanceId"', '[]', JSON.stringify({ ...PING, os: 1 }), 'x'.repeat(70_000), '{"__proto__":1}']

function send (url: string, localAddress: string, body: string): Promise<number> {
  const headers = { 'content-type': 'application/json', 'x-forwarded-for': `${FORGED}, ${localAddress}`, forwarded: `for=${FORGED}` }
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', localAddress, headers, agent: false }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode!))
    })
    sent.on('error', reject).end(body)
  })
}

/** What is no HTTP, and what ends in the middle. */
async function sendBroken (url: string, localAddress: string): Promise<void> {
  const head = `POST / HTTP/1.1\r\nhost: a\r\nx-forwarded-for: ${localAddress}\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{`
  for (const text of [`${localAddress} says hello\r\n\r\n`, head]) {
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', localAddress })
    await once(socket, 'connect')
    socket.on('error', () => {}).end(text)
    await once(socket.resume(), 'close')
  }
}

/** All the ways in which an address could be read from bytes by someone who has all but the salt. */
function tracesOf (address: string): Buffer[] {
  const packed = Buffer.from(address.split('.').map(Number))
  const spelled = [address, `::ffff:${address}`, String(packed.readUInt32BE()), packed.toString('hex')]
  const hashed = [...spelled, packed].flatMap((value) => [
    ...['md5', 'sha1', 'sha256', 'sha512'].map((name) => createHash(name).update(value).digest()),
    createHmac('sha256', KEY).update(value).digest()
  ])
  return [
    ...spelled.map((text) => Buffer.from(text)), packed, Buffer.from(packed.toReversed()),
    ...hashed.flatMap((hash) => [hash, ...(['hex', 'base64', 'base64url'] as const).map((form) => Buffer.from(hash.toString(form).replace(/=+$/, '')))])
  ]
}

let postgres: Postgres
before(async () => { postgres = await startOwnPostgres() })
after(() => postgres.stop())

for (const [name, size] of [['SQLite', 1], ['PostgreSQL', 1], ['a PostgreSQL that two collectors share', 2]] as const) {
  test(`on ${name} no address of a sender is in any byte of the database files, the metrics and the logs`, async (t) => {
    const databaseUrl = name === 'SQLite' ? await sqliteUrl(t) : await postgresUrl(postgres)
    const directory = name === 'SQLite' ? dirname(databaseUrl.slice('sqlite:'.length)) : await dataDirectory(databaseUrl)
    let log = ''
    const logTo = { write: (line: string) => { log += line } }
    const start = () => startCollector(t, databaseUrl, { logLevel: 'trace', rateLimit: 20, reportToken: KEY }, { logTo })
    const crew = await Promise.all(Array.from({ length: size }, start))
    const { rows } = crew[0]!
    const seen = new Set<number>()
    for (const { url } of crew) {
      for (const sender of SENDERS) {
        await sendBroken(url, sender)
        for (const body of [VALID, VALID, ...MALFORMED, ...Array(20).fill(VALID)]) seen.add(await send(url, sender, body))
        await send(`${url}/nowhere/${sender}`, sender, VALID)
        await send(`${url}/report`, sender, '')
        await send(`${url}/held`, sender, JSON.stringify({ instanceId: PING.instanceId }))
      }
    }
    assert.deepEqual([...seen].sort(), [200, 400, 413, 429])
    const metrics = await Promise.all(crew.map(async ({ url }) =>
      (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${KEY}` } })).text()))
    // The database fails under a ping: the error path of the log.
    await breakTable(databaseUrl)
    for (const { url } of crew) assert.equal(await send(url, '127.0.0.1', VALID), 503)
    for (const { app } of crew) await app.close()

    assert.match(log, /cannot store pings/)
    const bytes = Buffer.concat([await bytesIn(directory), Buffer.from(log + metrics.join(''))])
    assert.match(metrics.join(''), /collector_pings_total\{status="429"/)
    const kept = Buffer.from((await rows('installations_gone'))[0]!.introduced_by as string)
    assert.equal(findBytes(bytes, [kept]).length, 1, 'the search finds what is there')
    const traces = [...SENDERS, FORGED].flatMap(tracesOf)
    assert.deepEqual(findBytes(bytes, traces).map((trace) => trace.toString('latin1')), [])
  })
}

async function breakTable (databaseUrl: string): Promise<void> {
  const { connect: open } = await import('../../src/collector/storage/connect.js')
  const db = await open(databaseUrl)
  await db.query('ALTER TABLE installations RENAME TO installations_gone')
  await db.close()
}
