import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import { startPostgres, type Postgres } from '../../helpers/postgres.js'
import { startPair } from '../round-robin.js'
import { instanceId, PING, postgresUrl, sqliteUrl, startCollector, type Collector } from '../start-collector.js'

let postgres: Postgres
before(async () => { postgres = await startPostgres() })
after(() => postgres.stop())

const setups: Record<string, (t: TestContext) => Promise<Collector>> = {
  'a collector on SQLite': async (t) => startCollector(t, await sqliteUrl(t)),
  'a collector on PostgreSQL': async (t) => startCollector(t, await postgresUrl(postgres)),
  'two collectors on one PostgreSQL behind a round-robin proxy': async (t) => startPair(t, await postgresUrl(postgres))
}

for (const [name, start] of Object.entries(setups)) {
  describe(name, () => {
    test('a ping is stored in typed columns, and answered with exactly the stored row', async (t) => {
      const { post, rows } = await start(t)
      const { status, body } = await post(PING, { 'idempotency-key': 'key-1' })
      assert.equal(status, 200)
      assert.equal(body.status, 'success')
      const { receivedAt, addressHash, idempotencyKey, ...ping } = body.received
      assert.deepEqual(ping, PING)
      assert.match(addressHash, /^[0-9a-f]{64}$/)
      const [row, ...more] = await rows()
      assert.equal(more.length, 0)
      const { id, received_at: stored, ...columns } = row! as Record<string, unknown>
      assert.equal(new Date(Number(stored)).toISOString(), receivedAt)
      assert.deepEqual({ ...columns }, {
        address_hash: addressHash,
        idempotency_key: idempotencyKey,
        instance_id: PING.instanceId,
        os_type: 'Darwin',
        os_release: '20.5.0',
        os_arch: 'x64',
        env_nodejs: 'v16.13.1',
        env_flowforge: '0.1.1',
        platform_counts_users: 3,
        platform_counts_teams: 2,
        platform_counts_projects: 1,
        platform_config_driver: 'localfs'
      })
    })

    test('of a ping of another release, the known properties are stored', async (t) => {
      const { post, rows } = await start(t)
      const { status, body } = await post({
        instanceId: PING.instanceId,
        os: { type: 'Linux', release: '6.1', arch: 'arm64' },
        env: { nodejs: 'v20.1.0', flowforge: '2.4.0' },
        platform: {
          counts: { users: 1, teams: 1, projects: 1, devices: 9, instances: 4 },
          config: { driver: 'kubernetes', broker: { enabled: true } },
          license: { id: 'secret', type: 'EE' }
        },
        region: 'eu'
      })
      assert.equal(status, 200)
      assert.deepEqual(body.received.platform, { counts: { users: 1, teams: 1, projects: 1 }, config: { driver: 'kubernetes' } })
      assert.doesNotMatch(JSON.stringify([body, await rows()]), /secret|broker|devices|region/)
    })

    test('absent and null values are stored as null; only the instance id is required', async (t) => {
      const { post } = await start(t)
      for (const rest of [{}, { os: null, env: null, platform: null }, { platform: { counts: { users: null }, config: null } }]) {
        const { status, body } = await post({ instanceId: PING.instanceId, ...rest })
        assert.equal(status, 200)
        assert.deepEqual(body.received.platform, { counts: { users: null, teams: null, projects: null }, config: { driver: null } })
        assert.deepEqual(body.received.os, { type: null, release: null, arch: null })
      }
    })

    test('an unknown driver, which could identify its owner, is stored as other', async (t) => {
      const { post, rows } = await start(t)
      await post({ ...PING, platform: { config: { driver: 'acme-corp-driver' } } })
      const [row] = await rows()
      assert.equal(row!.platform_config_driver, 'other')
    })

    test('pings with one idempotency key are stored once and answered with the first stored row', async (t) => {
      const { post, rows } = await start(t)
      const headers = { 'idempotency-key': 'once' }
      const first = await post(PING, headers)
      const again = await post({ ...PING, env: null }, headers)
      assert.deepEqual(again.body, first.body)
      const together = await Promise.all(Array.from({ length: 20 }, () => post(PING, { 'idempotency-key': 'together' })))
      for (const { body } of together) assert.deepEqual(body, together[0]!.body)
      assert.equal((await rows()).length, 2)
    })

    test('the same key of another installation is a different key', async (t) => {
      const { post, rows } = await start(t)
      const headers = { 'idempotency-key': 'the-same' }
      const first = await post(PING, headers)
      const other = await post({ ...PING, instanceId: instanceId(7) }, headers)
      assert.deepEqual([first.body.received.instanceId, other.body.received.instanceId], [PING.instanceId, instanceId(7)])
      assert.equal((await rows()).length, 2)
    })

    test('a sender has one hash all day, at any collector', async (t) => {
      const { post } = await start(t)
      const hashes = await Promise.all(Array.from({ length: 6 }, async () => (await post(PING)).body.received.addressHash))
      assert.equal(new Set(hashes).size, 1)
    })
  })
}

describe('a ping that is not valid', () => {
  let shared: Collector
  const ends: (() => unknown)[] = []
  before(async () => {
    const t = { after: (end) => { ends.unshift(end as () => unknown) } } as TestContext
    shared = await startCollector(t, await sqliteUrl(t))
  })
  after(async () => { for (const end of ends) await end() })

  const id = PING.instanceId
  const cases: Array<[string, unknown, number, RegExp]> = [
    ['a number as text', { ...PING, platform: { counts: { users: '3' } } }, 400, /^platform\.counts\.users must be integer/],
    ['a fraction', { ...PING, platform: { counts: { teams: 1.5 } } }, 400, /^platform\.counts\.teams /],
    ['a number beyond the column', { ...PING, platform: { counts: { teams: 1e300 } } }, 400, /^platform\.counts\.teams /],
    ['text instead of an object', { ...PING, os: 'Linux' }, 400, /^os must be object/],
    ['a number instead of text', { ...PING, env: { nodejs: 20 } }, 400, /^env\.nodejs must be string/],
    ['a driver that is not text', { ...PING, platform: { config: { driver: 1 } } }, 400, /^platform\.config\.driver /],
    ['a text too long', { ...PING, os: { type: 'x'.repeat(129) } }, 400, /^os\.type must NOT have more than 128/],
    ['a NUL character', { ...PING, os: { type: 'a\0b' } }, 400, /^os\.type /],
    ['a lone surrogate', `{"instanceId":"${id}","os":{"type":"\\ud800"}}`, 400, /^os\.type /],
    ['no instance id', { os: PING.os }, 400, /'instanceId'/],
    ['a null instance id', { ...PING, instanceId: null }, 400, /^instanceId /],
    ['an instance id that is not a UUID', { ...PING, instanceId: 'acme' }, 400, /^instanceId /],
    ['a list', [], 400, /must be object/],
    ['null as the body', null, 400, /must be object/],
    ['a poisoned prototype', `{"instanceId":"${id}","__proto__":{"a":1}}`, 400, /__proto__/],
    ['a poisoned constructor', `{"instanceId":"${id}","constructor":{"prototype":{"a":1}}}`, 400, /refused/],
    ['no JSON', '{127.0.0.1', 400, /not valid JSON/],
    ['no body', '', 400, /empty/],
    ['more than 64 KiB', { ...PING, more: 'x'.repeat(65_536) }, 413, /64 KiB/]
  ]
  for (const [what, body, status, error] of cases) {
    test(`${what} is a ${status} with the reason, and nothing is stored`, async () => {
      const { post, rows } = shared
      const answer = await post(body)
      assert.equal(answer.status, status)
      assert.equal(answer.body.status, 'error')
      assert.match(answer.body.error, error)
      assert.doesNotMatch(answer.body.error, /127\.0\.0\.1/)
      assert.equal((await rows()).length, 0)
    })
  }

  test('another content type is a 415, and an invalid idempotency key a 400', async (t) => {
    const { post } = await startCollector(t, await sqliteUrl(t))
    assert.equal((await post(PING, { 'content-type': 'text/plain' })).status, 415)
    assert.equal((await post(PING, { 'idempotency-key': 'x'.repeat(129) })).status, 400)
  })

  test('an encoded body is a 415, the encoding identity is accepted', async (t) => {
    const { post } = await startCollector(t, await sqliteUrl(t))
    for (const encoding of ['gzip', 'br', 'deflate', 'zstd', 'x-unknown', 'identity, gzip']) {
      const { status, body } = await post(PING, { 'content-encoding': encoding })
      assert.deepEqual([status, body.error], [415, 'a ping is sent without content-encoding'], encoding)
    }
    for (const encoding of ['identity', 'Identity', '']) {
      assert.equal((await post(PING, { 'content-encoding': encoding })).status, 200, encoding)
    }
  })

  test('another method is a 405 that names the allowed one', async (t) => {
    const { url } = await startCollector(t, await sqliteUrl(t), { reportToken: 'the-token-of-the-tests' })
    const answer = async (method: string, path: string) => {
      const response = await fetch(url + path, { method })
      return [response.status, response.headers.get('allow')]
    }
    for (const path of ['/', '/ping', '/ping/', '/ping?a=1']) {
      for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) assert.deepEqual(await answer(method, path), [405, 'POST'], path)
    }
    assert.deepEqual(await answer('POST', '/health'), [405, 'GET, HEAD'])
    assert.deepEqual(await answer('GET', '/nowhere'), [404, null])
  })

  test('both paths accept pings, also with a trailing slash, and any other is a 404', async (t) => {
    const { url, post } = await startCollector(t, await sqliteUrl(t))
    assert.equal((await post(PING)).status, 200)
    const at = (path: string) => fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(PING) })
    for (const path of ['/ping', '/ping/', '//']) assert.equal((await at(path)).status, 200)
    for (const path of ['/pings', '/ping//', '/ping/a', '/index.html']) assert.equal((await at(path)).status, 404, path)
    assert.equal((await fetch(`${url}/health`)).status, 200)
  })
})
