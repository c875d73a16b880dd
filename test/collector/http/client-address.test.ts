import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashAddress, hashKey } from '../../../src/collector/http/client-address.js'
import { readClient } from '../../../src/network/addresses.js'
import { KEY, PING, sqliteUrl, startCollector } from '../start-collector.js'

const canonicalAddress = (text: string) => readClient(text).address
const networkOf = (text: string) => readClient(text).network

const salt = 'a'.repeat(64)
const hash = (address: string, key = KEY, daily = salt) => hashAddress(hashKey(key), daily, canonicalAddress(address))

test('an IPv4 address has one hash in all its IPv6-mapped forms', () => {
  for (const same of ['::ffff:192.0.2.7', '::FFFF:192.0.2.7', '::ffff:c000:207', '0:0:0:0:0:ffff:c000:0207']) {
    assert.equal(hash(same), hash('192.0.2.7'), same)
  }
})

test('an IPv6 address has one hash in all its spellings', () => {
  assert.equal(hash('2001:DB8:0:0::1'), hash('2001:db8::1'))
})

test('a port, a zone id and brackets do not change the hash', () => {
  for (const same of ['192.0.2.7:4711', '[::ffff:192.0.2.7]:4711', '::ffff:192.0.2.7%eth0', '192.0.2.7%eth0']) assert.equal(hash(same), hash('192.0.2.7'), same)
  for (const same of ['2001:db8::1%eth0', '[2001:db8::1]', '[2001:db8::1]:4711', '[2001:db8::1%2]:80']) {
    assert.equal(hash(same), hash('2001:db8::1'), same)
  }
})

test('an IPv4 address is recognised only in dotted notation; everything else is one unknown client', () => {
  const other = ['0300.0.2.7', '0xc0.0.2.7', '3221225991', '192.0.519', '192.0.2.7 ', 'unknown', '', '_hidden', '1.2.3.4:', '::g']
  assert.deepEqual(new Set(other.map(canonicalAddress)), new Set(['unknown']))
})

test('limits count an IPv6 /64 as one client, and each IPv4 address separately', () => {
  assert.equal(networkOf('2001:db8:1:2:3:4:5:6'), networkOf('2001:db8:1:2::1%eth0'))
  assert.notEqual(networkOf('2001:db8:1:2::1'), networkOf('2001:db8:1:3::1'))
  assert.equal(networkOf('::ffff:192.0.2.7'), '192.0.2.7')
  assert.notEqual(networkOf('192.0.2.7'), networkOf('192.0.2.8'))
})

test('another address, key or daily salt gives another hash', () => {
  const hashes = [hash('192.0.2.7'), hash('192.0.2.8'), hash('192.0.2.7', `${KEY}!`), hash('192.0.2.7', KEY, 'b'.repeat(64))]
  assert.equal(new Set(hashes).size, hashes.length)
})

const FORWARDED = { 'x-forwarded-for': '192.0.2.7' }

async function hashesOf (t: Parameters<typeof sqliteUrl>[0], trustProxy: string | undefined, headers: Array<Record<string, string>>) {
  const { post } = await startCollector(t, await sqliteUrl(t), { trustProxy })
  const hashes: string[] = []
  for (const each of headers) hashes.push((await post(PING, each)).body.received.addressHash)
  return hashes
}

test('X-Forwarded-For of a sender that is not a trusted proxy is ignored', async (t) => {
  for (const trustProxy of [undefined, '10.0.0.0/8']) {
    const [plain, forwarded] = await hashesOf(t, trustProxy, [{}, FORWARDED])
    assert.equal(forwarded, plain)
  }
})

test('behind a trusted proxy, X-Forwarded-For names the sender', async (t) => {
  for (const trustProxy of ['127.0.0.0/8', 'loopback', '127.0.0.1']) {
    const [plain, forwarded, mapped] = await hashesOf(t, trustProxy, [{}, FORWARDED, { 'x-forwarded-for': '::ffff:192.0.2.7' }])
    assert.notEqual(forwarded, plain)
    assert.equal(mapped, forwarded)
  }
})

test('a sender cannot choose its address by sending X-Forwarded-For through the proxy', async (t) => {
  for (const trustProxy of ['loopback', '127.0.0.1']) {
    const [honest, forged] = await hashesOf(t, trustProxy, [FORWARDED, { 'x-forwarded-for': '198.51.100.9, 192.0.2.7' }])
    assert.equal(forged, honest)
  }
})

test('two trusted proxies in a row are skipped, also if one adds the port of the other', async (t) => {
  const [direct, chained] = await hashesOf(t, 'loopback, 10.0.0.0/8', [FORWARDED, { 'x-forwarded-for': '192.0.2.7:50, 10.1.2.3:4711' }])
  assert.equal(chained, direct)
})
