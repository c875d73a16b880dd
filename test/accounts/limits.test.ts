import rateLimit from '@fastify/rate-limit'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AccountAttempts } from '../../src/accounts/attempts.js'
import { hashPassword } from '../../src/accounts/password.js'
import { Slots } from '../../src/accounts/slots.js'
import { ACCOUNT, buildNewPlatform, Client, setUp } from '../helpers/client.js'
import { hangUp } from '../helpers/hang-up.js'
import { inSoak, someOf } from '../helpers/soak.js'

const RIGHT = { username: ACCOUNT.username, password: ACCOUNT.password }
const WRONG = { ...RIGHT, password: 'wrong' }

const signIn = (app: FastifyInstance, remoteAddress: string, payload: object, headers = {}) =>
  new Client(app).request({ method: 'POST', url: '/account/login', remoteAddress, payload, headers })

const CROWD = inSoak(300, 80)

/**
 * In the soak test nearly as many names as can be tried in five minutes: two passwords are checked at once, each for over
 * 6 ms. Else more than the limit would remember by default.
 */
const INVENTED = inSoak(99_000, 5_100)

/** Tries sixty wrong passwords for one account, ten from each of six addresses. */
async function guess (app: FastifyInstance): Promise<number[]> {
  const statuses: number[] = []
  for (let n = 0; n < 60; n++) statuses.push((await signIn(app, `10.0.0.${n % 6}`, WRONG)).statusCode)
  return statuses
}

describe('guessing one account from many addresses', () => {
  test('is refused after ten attempts in five minutes', async (t) => {
    const app = await buildNewPlatform(t)
    await setUp(app)
    const statuses = await guess(app)
    assert.deepEqual([statuses.filter((status) => status === 401).length, statuses.filter((status) => status === 429).length], [10, 50])
    const refused = await signIn(app, '10.0.0.9', RIGHT)
    assert.deepEqual([refused.statusCode, refused.json().code], [429, 'too_many_requests'])
    assert.match(refused.json().error, /^Too many attempts\. Try again in 5 minutes\.$/)
    const wait = Number(refused.headers['retry-after'])
    assert.ok(wait > 0 && wait <= 300, String(wait))
  })

  test('does not affect addresses that have signed in before, and blocks others no longer', async (t) => {
    const app = await buildNewPlatform(t)
    await setUp(app)
    await guess(app)
    assert.equal((await signIn(app, '127.0.0.1', RIGHT)).statusCode, 200)
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 5 * 60_000 + 1 })
    assert.equal((await signIn(app, '10.0.0.9', RIGHT)).statusCode, 200)
  })

  test('is limited in the same way if the account does not exist', async (t) => {
    const app = await buildNewPlatform(t)
    await setUp(app)
    const statuses = new Set<number>()
    for (let n = 0; n < 11; n++) statuses.add((await signIn(app, `10.0.0.${n}`, { ...WRONG, username: 'nobody' })).statusCode)
    assert.deepEqual([...statuses], [401, 429])
  })

  test('is still limited after more invented names than can be tried in that time', async (t) => {
    const app = fastify()
    t.after(() => app.close())
    await app.register(rateLimit, { global: false })
    const attempts = new AccountAttempts(app)
    const attempt = (username: string) => attempts.admit({ ip: '10.0.0.1', body: { username }, routeOptions: {} } as FastifyRequest, username)
    for (let n = 0; n < 10; n++) await attempt('ada')
    for (let n = 0; n < INVENTED; n++) await attempt(`invented-${n}`)
    await assert.rejects(attempt('ada'), { statusCode: 429 })
  })

  test('does not count attempts whose password is not checked', async (t) => {
    const app = await buildNewPlatform(t, { config: { trust_proxy: ['127.0.0.1'] } })
    await setUp(app)
    await app.listen({ host: '127.0.0.1', port: 0 })
    const busy = Array.from({ length: 20 }, () => hashPassword('another'))
    await Promise.all(Array.from({ length: 12 }, (_, n) => hangUp(app.server, 'after the body', {
      method: 'POST', url: '/account/login', headers: { 'x-forwarded-for': `192.0.2.${n}` }, body: JSON.stringify(WRONG)
    })))
    await Promise.all(busy)
    assert.equal((await signIn(app, '10.0.0.9', WRONG)).statusCode, 401)
  })

  test('shows the form again, with instructions', async (t) => {
    const app = await buildNewPlatform(t)
    await setUp(app)
    await guess(app)
    const client = new Client(app)
    const _csrf = await client.csrfToken('/account/login')
    const response = await client.request({
      method: 'POST',
      url: '/account/login',
      remoteAddress: '10.0.0.9',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams({ ...RIGHT, _csrf }).toString()
    })
    assert.equal(response.statusCode, 429)
    assert.match(response.body, /Too many attempts\. Try again in 5 minutes\./)
  })
})

test(`${CROWD} concurrent logins do not block the database: two are checked at a time, others are refused`, async (t) => {
  const app = await buildNewPlatform(t)
  await setUp(app)
  let finished = 0
  const logins = Array.from({ length: CROWD }, async (_, n) => {
    const response = await signIn(app, `10.1.${n >> 8}.${n & 255}`, { ...WRONG, username: `user-${n}` })
    finished++
    return response
  })
  // The first login is being checked.
  await Promise.race(logins)
  await app.db.models.User.count()
  assert.ok(finished < CROWD / 10, `${finished} logins finished before one read`)
  for (const { statusCode, headers } of await Promise.all(logins)) {
    assert.ok(statusCode === 401 || (statusCode === 503 && headers['retry-after'] === '5'), String(statusCode))
  }
})

test('clients behind trusted proxies are limited separately; others cannot choose their address', async (t) => {
  const app = await buildNewPlatform(t, { config: { trust_proxy: ['10.9.0.0/16'] } })
  await setUp(app)
  const statusesFrom = async (proxy: string) => {
    const statuses: number[] = []
    for (let n = 0; n < 12; n++) {
      const payload = { ...WRONG, username: `${proxy}-${n}` }
      statuses.push((await signIn(app, proxy, payload, { 'x-forwarded-for': `6.6.6.6, 192.0.2.${n}, 10.9.7.7:${4000 + n}` })).statusCode)
    }
    return new Set(statuses)
  }
  assert.deepEqual(await statusesFrom('10.9.0.1'), new Set([401]))
  assert.deepEqual(await statusesFrom('10.8.0.1'), new Set([401, 429]))
})

const NO_ADDRESSES = ['unknown', '_hidden', '-', 'a b', '192.0.2', '0300.0.2.7', '3221225991', '1.2.3.4:x', 'null', '"', '::g',
  'x'.repeat(9_000)]

describe('behind a trusted proxy, one client has one limit in any notation of its address:', () => {
  for (const [what, addressOf] of someOf([
    ['with a port', (n) => `192.0.2.7:${4000 + n}`],
    ['in IPv6 notation, with a port', (n) => `[::ffff:192.0.2.7]:${4000 + n}`],
    ['with a zone id', (n) => `fe80::1%eth${n}`],
    ['of one IPv6 network', (n) => `2001:db8:1:2::${n}`],
    ['of one IPv6 network, with a port', (n) => `[2001:db8:1:2::${n}]:${4000 + n}`],
    ['something that is not an address', (n) => NO_ADDRESSES[n]!],
    ['and that of a second proxy with a port', (n) => `6.6.6.${n}, 192.0.2.7:${n}, 10.9.3.4:${4000 + n}`]
  ] as [string, (n: number) => string][], 1, 2, 5, 6)) {
    test(what, async (t) => {
      const app = await buildNewPlatform(t, { config: { trust_proxy: ['10.9.0.0/16'] } })
      await setUp(app)
      const statuses: number[] = []
      for (let n = 0; n < 12; n++) {
        const headers = { 'x-forwarded-for': addressOf(n) }
        statuses.push((await signIn(app, '10.9.0.1', { ...WRONG, username: `somebody-${n}` }, headers)).statusCode)
      }
      assert.deepEqual(statuses, [...Array<number>(10).fill(401), 429, 429])
    })
  }
})

describe('slots', () => {
  test('run two tasks concurrently, and the others in order', async () => {
    const slots = new Slots(2, 60_000)
    const started: number[] = []
    const finish: (() => void)[] = []
    const tasks = [0, 1, 2, 3].map((n) => slots.run(() => {
      started.push(n)
      return new Promise<void>((resolve) => { finish[n] = resolve })
    }))
    await new Promise(setImmediate)
    assert.deepEqual(started, [0, 1])
    finish[1]!()
    await tasks[1]
    await new Promise(setImmediate)
    assert.deepEqual(started, [0, 1, 2])
    for (const n of [0, 2]) finish[n]!()
    await tasks[2]
    await new Promise(setImmediate)
    finish[3]!()
    await Promise.all(tasks)
    assert.equal(await slots.run(async () => 'free again'), 'free again')
  })

  test('drop an aborted task at once, and never start it', async () => {
    const slots = new Slots(1, 60_000)
    let finish!: () => void
    const first = slots.run(() => new Promise<void>((resolve) => { finish = resolve }))
    const client = new AbortController()
    const second = slots.run(async () => assert.fail('nobody waits for it'), client.signal)
    const third = slots.run(async () => 'its turn')
    client.abort()
    await assert.rejects(second, { code: 'client_gone' })
    await assert.rejects(slots.run(async () => assert.fail('nobody waits for it'), client.signal), { code: 'client_gone' })
    finish()
    await first
    assert.equal(await third, 'its turn')
  })

  test('give up on a task that waits too long, and continue with the others', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const slots = new Slots(1, 3_000)
    let finish!: () => void
    const first = slots.run(() => new Promise<void>((resolve) => { finish = resolve }))
    const second = slots.run(async () => assert.fail('it has given up'))
    await new Promise(setImmediate)
    t.mock.timers.tick(3_000)
    await assert.rejects(second, { statusCode: 503, code: 'busy', retryAfter: 5 })
    finish()
    await first
    assert.equal(await slots.run(async () => 'free again'), 'free again')
  })
})
