/** Searches all output of a working and of a failing collector for its secrets and those of its senders. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { buildCollector } from '../../src/collector/app.js'
import { connect } from '../../src/collector/storage/connect.js'
import type { Database } from '../../src/collector/storage/database.js'
import { PING } from '../collector/start-collector.js'
import { SecretSearch, SECRETS } from './secret-search.js'
import { sendBytes } from './send-bytes.js'

export const COLLECTOR_SECRETS = {
  hashKey: 'Xu5garnelTopp-Mirabelfink-Quostrade',
  reportToken: 'Vb2ostrickKlemm-yale',
  wrongToken: 'Jd8fenwickSpart-oboe',
  databasePassword: SECRETS.databasePassword,
  address: '203.0.113.77',
  proxied: '198.51.100.142',
  network: '2001:db8:5ca1:ab1e'
}

const { hashKey, reportToken, wrongToken, address, proxied, network } = COLLECTOR_SECRETS

/** Secrets that a sender puts in wrong places. */
const junk = 'Rk6sandorfPlinth'

/** Damages the database of a running collector, on a separate connection. */
export type CollectorFault = (db: Database, t: TestContext) => Promise<unknown>

const KEY = { 'idempotency-key': 'Hn3wickelZorn-0001' }
const RELEASE = 'Zw4kimbrelHaugen'
const GOOD = JSON.stringify({ ...PING, os: { ...PING.os, release: RELEASE } })
const JSON_TYPE = { 'content-type': 'application/json' }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const basic = (token: string) => ({ authorization: `Basic ${Buffer.from(`report:${token}`).toString('base64')}` })
const GUARDED = ['/metrics', '/report', '/report.json', '/report.csv', '/report.csv?figure=active', '/report?from=never', `/report?from=${junk}`]

const post = (url: string, payload: string, headers = {}): InjectOptions => ({ method: 'POST', url, payload, headers: { ...JSON_TYPE, ...headers } })

/** Valid and invalid requests to every route. */
const REQUESTS: InjectOptions[] = [
  post('/ping', GOOD), post('/', GOOD, KEY), post('/', GOOD, KEY),
  post('/', GOOD.replace('Darwin', junk)), post('/', `{"instanceId":"${junk}`), post('/', JSON.stringify({ instanceId: junk })),
  post('/', JSON.stringify({ ...PING, env: { nodejs: 1, flowforge: `${junk}\0` } })), post('/', JSON.stringify({ ...PING, [junk]: junk })),
  post('/', 'x'.repeat(70_000)), post('/', GOOD, { 'content-type': junk }), post('/', GOOD, { 'content-encoding': junk }),
  post('/', GOOD, { 'idempotency-key': `${junk} \u00e9` }), post('/', '{"__proto__":{}}'),
  post('/held', JSON.stringify({ instanceId: junk })), post('/forget', JSON.stringify({ instanceId: junk })),
  post('/held', JSON.stringify({ instanceId: PING.instanceId })), post('/held', JSON.stringify({ instanceId: PING.instanceId, [junk]: 1 })),
  { url: '/health' }, { url: '/usage' }, { url: '/usage.json' }, { url: `/${junk}` }, { url: '/ping' }, { method: 'DELETE', url: `/?${junk}` },
  ...GUARDED.flatMap((url) => [{}, bearer(reportToken), basic(reportToken), bearer(wrongToken), basic(wrongToken)].map((headers) => ({ url, headers }))),
  post('/forget', JSON.stringify({ instanceId: PING.instanceId.replace('5', '6') }))
]

/** The origin of a request: the sender itself, or proxies that write its address in each notation. */
const WAYS: InjectOptions[] = [
  { remoteAddress: address },
  { remoteAddress: `::ffff:${address}` },
  { remoteAddress: `${network}::7` },
  ...[proxied, `${proxied}:4711`, `[::ffff:${proxied}]:4711`, `${network}::8%eth0`, `[${network}::9]:80`, `${junk}, ${proxied}`, junk]
    .map((forwarded) => ({ remoteAddress: '127.0.0.1', headers: { 'x-forwarded-for': forwarded } }))
]

/** Causes a fault, uses every route, and searches the log, the answers and the metrics for secrets. */
export async function searchCollector (t: TestContext, databaseUrl: string, strike: CollectorFault): Promise<void> {
  const log: string[] = []
  const app = await buildCollector({
    ipHashKey: hashKey, databaseUrl, reportToken, public: true, trustProxy: 'loopback', rateLimit: 100_000, logLevel: 'trace'
  }, { logTo: { write: (line) => { log.push(line) } } })
  t.after(() => app.close())
  assert.equal((await app.inject({ ...post('/', GOOD), ...WAYS[0] })).statusCode, 200)
  const db = await connect(databaseUrl)
  t.after(() => db.close())
  const salts = await db.query<{ salt: string }>('SELECT salt FROM salts')
  const hashes = await db.query<{ address_hash: string }>('SELECT address_hash FROM pings')
  assert.ok(salts.length > 0 && hashes.length > 0)
  await strike(db, t)
  const [everywhere, refusals, inLog] = [new SecretSearch(), new SecretSearch(), new SecretSearch()]
  const hidden = Object.fromEntries(salts.map(({ salt }, n) => [`salt ${n}`, salt]))
  everywhere.hide({ ...COLLECTOR_SECRETS, ...hidden, statement: 'INSERT INTO', query: 'FROM pings' })
  refusals.hide({ junk })
  // The id gives access to the data of an installation; the hash of an address is returned only to its sender.
  inLog.hide({ junk, instanceId: PING.instanceId, key: KEY['idempotency-key'], hash: hashes[0]!.address_hash, release: RELEASE })
  const all = [...REQUESTS.map((request, n) => [request, WAYS[n % WAYS.length]!] as const), ...WAYS.map((way) => [REQUESTS[0]!, way] as const)]
  // Concurrently, as each may wait for a database that does not answer.
  for (const { what, said, status } of await Promise.all(all.map(([request, way]) => ask(app, request, way)))) {
    everywhere.see(what, said)
    if (status >= 400) refusals.see(what, said)
  }
  // The start of the PROXY protocol.
  everywhere.see('no HTTP', await sendBytes(app, `PROXY TCP4 ${address} ${proxied} 1 2\r\n${junk}\r\n\r\n`))
  await app.maintain().catch(() => {})
  for (const search of [everywhere, inLog]) search.see('log', ...log)
  for (const search of [everywhere, refusals, inLog]) search.assertNone()
}

async function ask (app: FastifyInstance, request: InjectOptions, way: InjectOptions) {
  const { statusCode, headers, body } = await app.inject({ ...request, ...way, headers: { ...request.headers, ...way.headers } })
  const what = `${request.method ?? 'GET'} ${String(request.url)} ${String(request.payload ?? '').slice(0, 50)}: ${statusCode}`
  return { what, said: `${JSON.stringify(headers)} ${body}`, status: statusCode }
}
