import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { findBytes } from '../helpers/find-bytes.js'
import { startOwnPostgres, type Postgres } from '../helpers/postgres.js'
import { someOf } from '../helpers/soak.js'
import { DAY } from '../../src/collector/day.js'
import { connect as connectDatabase } from '../../src/collector/storage/connect.js'
import { bytesIn, dataDirectory, instanceId, KEY, PING, postgresUrl, sqliteUrl, startCollector } from './start-collector.js'

/** Addresses whose bytes are unlikely to appear by chance. */
const SENDERS = ['127.183.194.237', '127.201.222.179', '127.166.251.133']
const FORGED = '203.179.211.187'
/** A trusted proxy, and the senders it reports. Its own address may appear, as the settings name it. */
const [PROXY, FORWARDED] = ['127.0.0.1', ['203.178.173.211', '2001:db8:b7c2:d5e9:a6fb:8593:c7d1:9e4f']]

const VALID = JSON.stringify(PING)
const MALFORMED = ['', '{"instanceId"', '[]', JSON.stringify({ ...PING, os: 1 }), 'x'.repeat(70_000), '{"__proto__":1}']

function send (url: string, localAddress: string, body: string, forwarded = `${FORGED}, ${localAddress}`): Promise<number> {
  const headers = { 'content-type': 'application/json', 'x-forwarded-for': forwarded, forwarded: `for=${FORGED}` }
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', localAddress, headers, agent: false }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode!))
    })
    sent.on('error', reject).end(body)
  })
}

/** Sends bytes that are not HTTP, and a request that ends in the middle. */
async function sendBroken (url: string, localAddress: string): Promise<void> {
  const head = `POST / HTTP/1.1\r\nhost: a\r\nx-forwarded-for: ${localAddress}\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{`
  for (const text of [`${localAddress} says hello\r\n\r\n`, head]) {
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', localAddress })
    await once(socket, 'connect')
    socket.on('error', () => {}).end(text)
    await once(socket.resume(), 'close')
  }
}

/** All encodings of an address that could be recognised without knowing the salt. */
function tracesOf (address: string): Buffer[] {
  return address.includes(':')
    // The /64 identifies the sender as well as the address does.
    ? [address, address.split(':').slice(0, 4).join(':')].flatMap((each) => {
        const packed = Buffer.from(each.split(':').map((group) => group.padStart(4, '0')).join(''), 'hex')
        return traces(packed, [each, packed.toString('hex'), each.replace('db8', '0db8'), `${packed.toString('hex')}::/64`])
      })
    : tracesOfIPv4(address)
}

function tracesOfIPv4 (address: string): Buffer[] {
  const packed = Buffer.from(address.split('.').map(Number))
  return traces(packed, [address, `::ffff:${address}`, String(packed.readUInt32BE()), packed.toString('hex')])
}

function traces (packed: Buffer, spelled: string[]): Buffer[] {
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

const DATABASES = [['SQLite', 1], ['PostgreSQL', 1], ['a PostgreSQL that two collectors share', 2]] as const

for (const [name, size] of someOf(DATABASES, 0, 2)) {
  test(`on ${name} no sender address is in the database files, a backup, the figures, metrics or logs`, async (t) => {
    const databaseUrl = name === 'SQLite' ? await sqliteUrl(t) : await postgresUrl(postgres)
    const directory = name === 'SQLite' ? dirname(databaseUrl.slice('sqlite:'.length)) : await dataDirectory(databaseUrl)
    let log = ''
    const logTo = { write: (line: string) => { log += line } }
    let now = Date.now()
    const settings = { logLevel: 'trace', rateLimit: 20, reportToken: KEY, trustProxy: PROXY, retentionDays: 1, public: true } as const
    const crew = await Promise.all(Array.from({ length: size }, () => startCollector(t, databaseUrl, settings, { logTo, now: () => now })))
    const seen = new Set<number>()
    // The pings of the last day are not counted yet, those before are counted, and the oldest are deleted.
    for (let day = 0; day < 3; day++) {
      for (const { url } of crew) await sendAll(url, day, seen)
      if (day < 2) now += DAY
      for (const { app } of crew) await app.maintain()
    }
    assert.deepEqual([...seen].sort(), [200, 400, 413, 429])
    const published = await Promise.all(crew.flatMap(({ url }) => ['/metrics', '/report.json', '/report.csv', '/report', '/usage'].map(
      async (path) => (await fetch(url + path, { headers: { authorization: `Bearer ${KEY}` } })).text())))
    const backup = await backUp(databaseUrl, directory)
    // Make the database fail while a ping is stored, to log an error.
    await breakTable(databaseUrl)
    for (const { url } of crew) assert.equal(await send(url, '127.0.0.9', VALID), 503)
    for (const { app } of crew) await app.close()

    assert.match(log, /cannot store pings/)
    assert.match(log, /figures of finished days are counted/)
    assert.match(published.join(''), /collector_pings_total\{status="429"/)
    const bytes = Buffer.concat([await bytesIn(directory), Buffer.from(log + published.join('') + backup)])
    const [, introducedBy] = /"introduced_by":"([0-9a-f]{64})"/.exec(backup)!
    assert.equal(findBytes(await bytesIn(directory), [Buffer.from(introducedBy!)]).length, 1, 'the search finds a value that is stored')
    const traces = [...SENDERS, FORGED, ...FORWARDED].flatMap(tracesOf)
    assert.deepEqual(findBytes(bytes, traces).map((trace) => trace.toString('latin1')), [])
  })
}

/** Sends every kind of request, valid or not, from each sender. */
async function sendAll (url: string, day: number, seen: Set<number>): Promise<void> {
  for (const sender of SENDERS) {
    await sendBroken(url, sender)
    for (const body of [VALID, VALID, ...MALFORMED, ...Array(20).fill(VALID)]) seen.add(await send(url, sender, body))
    await send(`${url}/nowhere/${sender}`, sender, VALID)
    await send(`${url}/report`, sender, '')
    for (const path of ['/held', '/forget']) await send(url + path, sender, JSON.stringify({ instanceId: PING.instanceId }))
  }
  for (const [index, sender] of FORWARDED.entries()) {
    const body = JSON.stringify({ ...PING, instanceId: instanceId(10 * day + index) })
    assert.equal(await send(url, PROXY, body, `${FORGED}, ${sender}`), 200)
  }
}

/** Makes a copy of a SQLite file next to it, and dumps every row of every table. */
async function backUp (databaseUrl: string, directory: string): Promise<string> {
  const db = await connectDatabase(databaseUrl)
  if (db.kind === 'sqlite') await db.change(`VACUUM INTO '${join(directory, 'backup.db')}'`)
  const tables = await db.query<{ name: string }>(db.kind === 'sqlite'
    ? "SELECT name FROM sqlite_master WHERE type = 'table'"
    : "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")
  const rows = await Promise.all(tables.map(({ name }) => db.query(`SELECT * FROM "${name}"`)))
  await db.close()
  assert.deepEqual(['pings', 'installations', 'daily', 'salts'].filter((name) => !tables.some((table) => table.name === name)), [])
  return JSON.stringify(rows)
}

async function breakTable (databaseUrl: string): Promise<void> {
  const db = await connectDatabase(databaseUrl)
  await db.query('ALTER TABLE installations RENAME TO installations_gone')
  await db.close()
}
