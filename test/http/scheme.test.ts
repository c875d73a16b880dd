import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { ACCOUNT, buildNewPlatform, Client } from '../helpers/client.js'
import { someOf } from '../helpers/soak.js'

const HOST = 'flowforge.example'
const PROXY = '10.9.0.1'
const STRANGER = '10.8.0.1'

type Request = Exclude<Parameters<Client['request']>[0], string>

/** A browser at the given address, with the headers that proxies add to its requests. */
class Visitor extends Client {
  /** Each cookie that was set, and whether it is `Secure`. */
  readonly marks = new Set<string>()
  readonly strict = new Set<unknown>()
  readonly locations: string[] = []

  constructor (app: Client['app'], readonly remoteAddress: string, readonly added: Record<string, string>) { super(app) }

  override async request (options: Request) {
    const { remoteAddress, added } = this
    const response = await super.request({ ...options, remoteAddress, headers: { host: HOST, ...options.headers, ...added } })
    for (const { name, secure } of response.cookies) this.marks.add(`${name} ${secure ? 'by https alone' : 'by any'}`)
    this.strict.add(response.headers['strict-transport-security'])
    if (response.headers.location) this.locations.push(String(response.headers.location))
    return response
  }
}

/** Does everything that sets or clears a cookie: the setup, the Telemetry page, signing out and in. */
async function goThrough (
  t: TestContext, from: string, added: Record<string, string>, more: Record<string, unknown> = {}
): Promise<Visitor> {
  const telemetry = { url: 'http://127.0.0.1:9', enabled: false }
  const app = await buildNewPlatform(t, { telemetry, config: { host: HOST, trust_proxy: [PROXY], ...more } })
  const visitor = new Visitor(app, from, added)
  const _csrf = await visitor.csrfToken()
  await visitor.postForm('/setup/create-user', { ...ACCOUNT, _csrf })
  await visitor.postForm('/setup/settings', { _csrf })
  await visitor.postForm('/setup/finish', { _csrf })
  const page = '/admin/settings/telemetry'
  await visitor.postForm(`${page}/new-id`, { _csrf: await visitor.csrfToken(page) })
  await visitor.get(page)
  await visitor.postForm('/account/logout', { _csrf: await visitor.csrfToken('/') })
  await visitor.get('/')
  await visitor.get('/nowhere')
  const { username, password } = ACCOUNT
  await visitor.postForm('/account/login', { username, password, _csrf: await visitor.csrfToken('/account/login') })
  return visitor
}

const COOKIES = ['_csrf', 'sid', 'flash']
const YEAR = 'max-age=31536000'

describe('cookies are Secure, and Strict-Transport-Security is sent,', () => {
  for (const [what, from, added, baseUrl] of someOf([
    ['behind a trusted proxy that says https', PROXY, { 'x-forwarded-proto': 'https' }],
    ['behind a trusted proxy that says HTTPS in capitals', PROXY, { 'x-forwarded-proto': 'HTTPS' }],
    ['behind a trusted proxy that appends https to what the client sent', PROXY, { 'x-forwarded-proto': 'http, https' }],
    ['behind a trusted proxy that changes the host', PROXY, { 'x-forwarded-proto': 'https', 'x-forwarded-host': HOST, host: '127.0.0.1:3000' }],
    ['with an https base_url, whatever a proxy says', PROXY, { 'x-forwarded-proto': 'http' }, `https://${HOST}`],
    ['with an https base_url and no proxy', STRANGER, {}, `https://${HOST}`]
  ] as [string, string, Record<string, string>, string?][], 1, 2, 3, 4)) {
    test(what, async (t) => {
      const { marks, strict } = await goThrough(t, from, added, baseUrl ? { base_url: baseUrl } : {})
      assert.deepEqual(marks, new Set(COOKIES.map((name) => `${name} by https alone`)))
      assert.deepEqual(strict, new Set([YEAR]))
    })
  }
})

describe('cookies are not Secure, and Strict-Transport-Security is not sent,', () => {
  for (const [what, from, added] of someOf([
    ['for an untrusted sender, whatever it says', STRANGER, {
      'x-forwarded-proto': 'https', forwarded: 'proto=https', 'x-forwarded-ssl': 'on', 'x-forwarded-for': PROXY, 'front-end-https': 'on'
    }],
    ['behind a trusted proxy that says http', PROXY, { 'x-forwarded-proto': 'http' }],
    ['behind a trusted proxy that appends http to what the client sent', PROXY, { 'x-forwarded-proto': 'https, http' }],
    ['behind a trusted proxy that says nothing', PROXY, {}],
    ['behind a trusted proxy that says something else', PROXY, { 'x-forwarded-proto': 'httpsx' }]
  ] as [string, string, Record<string, string>][], 0, 2, 4)) {
    test(what, async (t) => {
      const { marks, strict } = await goThrough(t, from, added)
      assert.deepEqual(marks, new Set(COOKIES.map((name) => `${name} by any`)))
      assert.deepEqual(strict, new Set([undefined]))
    })
  }
})

test('redirects have no scheme or host, so that the browser stays on the same origin', async (t) => {
  const { locations } = await goThrough(t, PROXY, { 'x-forwarded-proto': 'https', 'x-forwarded-host': `other.example, ${HOST}` })
  assert.ok(locations.length > 5)
  for (const location of locations) assert.match(location, /^\/(?!\/)/)
})

describe('behind a proxy that terminates https', () => {
  const ask = async (t: TestContext, remoteAddress: string, headers: Record<string, string>, baseUrl?: string) => {
    const app = await buildNewPlatform(t, { config: { host: HOST, trust_proxy: [PROXY], ...baseUrl ? { base_url: baseUrl } : {} } })
    return (await app.inject({
      method: 'POST', url: '/account/login', payload: {}, remoteAddress, headers: { host: HOST, ...headers }
    })).statusCode
  }
  const https = { 'x-forwarded-proto': 'https' }

  test('a page of the same host on plain http is another site', async (t) => {
    assert.equal(await ask(t, PROXY, { ...https, origin: `http://${HOST}` }), 403)
    assert.equal(await ask(t, PROXY, { ...https, origin: `http://${HOST}` }, `http://${HOST}`), 403)
    assert.equal(await ask(t, PROXY, { ...https, origin: `https://${HOST}` }), 400)
    assert.equal(await ask(t, PROXY, { ...https, origin: `https://${HOST}` }, `http://${HOST}`), 400)
    assert.equal(await ask(t, PROXY, { ...https, origin: `https://${HOST}`, 'x-forwarded-host': HOST, host: 'platform:3000' }), 400)
  })

  test('an untrusted sender cannot change what counts as the same site', async (t) => {
    assert.equal(await ask(t, STRANGER, { ...https, origin: `http://${HOST}` }), 400)
    assert.equal(await ask(t, STRANGER, { 'x-forwarded-host': 'evil.example', origin: 'http://evil.example' }), 403)
  })
})
