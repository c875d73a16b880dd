import type { FastifyInstance, InjectOptions, RouteOptions } from 'fastify'
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { openSession } from '../../src/accounts/session.js'
import { ACCOUNT, buildNewPlatform, Client, setUp } from '../helpers/client.js'
import { inSoak } from '../helpers/soak.js'
import { collectRoutes } from './routes.js'

const HOST = 'flowforge.example'
const FORMS = [
  'application/x-www-form-urlencoded', 'Application/X-WWW-Form-Urlencoded', 'application/x-www-form-urlencoded; charset=UTF-8',
  ' application/x-www-form-urlencoded ;a=b'
]
const JSONS = ['application/json', 'Application/JSON', 'application/json; charset=utf-8', 'APPLICATION/JSON ; charset="utf-8"']
const OTHERS = ['text/plain', 'Text/Plain;charset=utf-8', 'multipart/form-data; boundary=x', 'application/json, text/plain', 'application/xml', '/']

const SETUP_ROUTES = 3

type Headers = Record<string, string>

const FOREIGN: Headers[] = [
  { origin: 'http://evil.example' }, { origin: `http://sub.${HOST}` }, { origin: `http://${HOST}:8080` }, { origin: 'null' }, { origin: '' },
  { origin: 'https://evil.example', host: HOST }, { origin: `http://${HOST}@evil.example` }, { 'sec-fetch-site': 'cross-site' },
  { origin: `ftp://${HOST}` }, { origin: `http://${HOST}, http://evil.example` }, { origin: `http://${HOST}.` },
  { origin: `https://${HOST}`, host: `${HOST}:80` }, { origin: 'file://', host: '' }, { origin: 'http://', host: '' }, { 'sec-fetch-site': 'same-site' },
  { 'sec-fetch-site': 'Same-Origin, cross-site' }, { 'sec-fetch-site': 'cross-site', origin: `http://${HOST}` }
]
const OWN: Headers[] = [
  {}, { origin: `http://${HOST}` }, { origin: `https://${HOST}` }, { origin: `HTTP://${HOST.toUpperCase()}` },
  { origin: `https://${HOST}`, host: `${HOST}:443` }, { origin: `http://${HOST}:80`, host: HOST },
  { origin: 'http://[::1]:3000', host: '[0:0:0:0:0:0:0:1]:3000' },
  { 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'none' },
  { 'sec-fetch-site': 'same-origin', origin: `http://${HOST}` }
]

/**
 * Pairs the values of two lists. Every route starts at another offset, so nearly all combinations occur across the routes.
 * In the soak each route gets each value of `list`, and so does it where the setup has too few routes; otherwise each of
 * `others`.
 */
function pair<One, Other> (list: One[], others: Other[], { place, isSetUp }: Attacker): Array<[One, Other]> {
  if (inSoak(true, !isSetUp && list.length > SETUP_ROUTES * others.length)) return list.map((one, index) => [one, others[(index + place) % others.length]!])
  return others.map((other, index) => [list[(index + place * (others.length - 1)) % list.length]!, other])
}

/** All in the soak and during the setup, which has few routes; else two of four, and the other two at the next route. */
function twoOfFour<Entry> (list: Entry[], { place, isSetUp }: Attacker): Entry[] {
  return list.filter((_entry, index) => inSoak(true, !isSetUp || ((index >> 1) + place) % 2 === 0))
}

/** Sends requests to one route, each from a new address, in a session that no request has ended. */
class Attacker {
  private address = 0
  private client?: Client
  private token?: string

  /** @param place the index of the route among those that change something */
  constructor (
    readonly app: FastifyInstance, readonly route: { method: string, url: string }, readonly isSetUp: boolean, readonly place: number
  ) {}

  async send (headers: Headers, where: 'nowhere' | 'header' | 'body' = 'nowhere', token?: string): Promise<string> {
    const client = this.client ??= await this.browser()
    const _csrf = where === 'nowhere' ? undefined : token ?? (this.token ??= await client.csrfToken(this.isSetUp ? '/' : '/setup'))
    const isForm = /urlencoded/i.test(headers['content-type'] ?? '')
    const fields: Record<string, string> = where === 'body' ? { _csrf: _csrf! } : {}
    const body = isForm ? new URLSearchParams(fields).toString() : JSON.stringify(fields)
    const response = await client.request({
      ...this.route,
      remoteAddress: `10.0.${this.address >> 8}.${this.address++ & 255}`,
      headers: { host: HOST, ...headers, ...where === 'header' ? { 'csrf-token': _csrf! } : {} },
      ...'content-type' in headers ? { payload: body } : {}
    } as InjectOptions)
    if (response.statusCode === 403) return String(response.headers['content-type']).includes('json') ? response.json().code : 'page'
    if (response.cookies.length > 0) this.client = this.token = undefined
    return response.statusCode === 415 ? 'unknown type' : 'accepted'
  }

  private async browser (): Promise<Client> {
    const client = new Client(this.app)
    const user = this.isSetUp ? await this.app.db.models.User.findOne() : null
    if (user) client.cookies.sid = await openSession(this.app.db.models, user)
    return client
  }
}

/** Runs `attack` on each route that changes something. Telemetry is off, so that no ping is sent. */
async function attackEach (t: TestContext, during: 'the setup' | 'normal use', attack: (attacker: Attacker) => Promise<void>) {
  const routes: RouteOptions[] = collectRoutes(t)
  const app = await buildNewPlatform(t, { config: { host: HOST } })
  const isSetUp = during === 'normal use'
  if (isSetUp) await setUp(app, false)
  const changing = routes.flatMap(({ method, url }) => [method].flat().map((each) => ({ method: each, url })))
    .filter(({ method, url }) => !['GET', 'HEAD'].includes(method) && url.startsWith('/setup') !== isSetUp)
  assert.equal(changing.length, isSetUp ? 12 : SETUP_ROUTES)
  for (const [place, route] of changing.entries()) await attack(new Attacker(app, route, isSetUp, place))
}

for (const during of ['the setup', 'normal use'] as const) {
  describe(`every route that changes something during ${during}`, () => {
    test('refuses any request of another site, by Sec-Fetch-Site and by Origin', (t) => attackEach(t, during, async (attacker) => {
      for (const [headers, type] of pair(FOREIGN, [undefined, FORMS[0], JSONS[0], OTHERS[0]], attacker)) {
        const sent = { ...headers, ...type ? { 'content-type': type } : {} }
        assert.match(await attacker.send(sent, 'header'), /^(other_site|page)$/, JSON.stringify([attacker.route, sent]))
      }
    }))

    test('requires a token for a form, however its type is written, and without a body', (t) => attackEach(t, during, async (attacker) => {
      for (const [headers, type] of twoOfFour(pair(OWN, [undefined, ...FORMS], attacker), attacker)) {
        const sent = { ...headers, ...type ? { 'content-type': type } : {} }
        const what = JSON.stringify([attacker.route, sent])
        assert.match(await attacker.send(sent), /^(invalid_csrf|page)$/, what)
        assert.match(await attacker.send(sent, 'header', 'x-y-z'), /^(invalid_csrf|page)$/, what)
        assert.equal(await attacker.send(sent, 'header'), 'accepted', what)
        if (type) assert.equal(await attacker.send(sent, 'body'), 'accepted', what)
      }
    }))

    test(`accepts JSON, however its type is written, ${during === 'the setup' ? 'with' : 'without'} a token`, (t) => attackEach(t, during, async (attacker) => {
      for (const [headers, type] of twoOfFour(pair(OWN, JSONS, attacker), attacker)) {
        const sent = { ...headers, 'content-type': type }
        const what = JSON.stringify([attacker.route, sent])
        assert.equal(await attacker.send(sent, 'header'), 'accepted', what)
        assert.equal(await attacker.send(sent), during === 'the setup' ? 'invalid_csrf' : 'accepted', what)
      }
    }))

    test('refuses any other media type', (t) => attackEach(t, during, async (attacker) => {
      for (const type of twoOfFour(OTHERS, attacker)) {
        assert.equal(await attacker.send({ 'content-type': type }, 'header'), 'unknown type', JSON.stringify([attacker.route, type]))
      }
    }))
  })
}

describe('a token', () => {
  test('is bound to its session: a planted _csrf cookie is refused', async (t) => {
    const app = await buildNewPlatform(t)
    const victim = await setUp(app)
    const attacker = new Client(app)
    const token = await attacker.csrfToken('/account/login')
    victim.cookies._csrf = attacker.cookies._csrf!
    assert.equal((await victim.postForm('/account/logout', { _csrf: token })).statusCode, 403)
    assert.equal((await victim.get('/')).statusCode, 200)
  })

  test('and its secret become invalid on signing in and on signing out', async (t) => {
    const app = await buildNewPlatform(t)
    const client = await setUp(app)
    for (const step of ['out', 'in'] as const) {
      const page = step === 'out' ? '/' : '/account/login'
      const token = await client.csrfToken(page)
      const secret = client.cookies._csrf
      const fields: Record<string, string> = step === 'out' ? {} : { username: ACCOUNT.username, password: ACCOUNT.password }
      assert.equal((await client.postForm(step === 'out' ? '/account/logout' : '/account/login', { ...fields, _csrf: token })).statusCode, 303)
      assert.equal((await client.postForm('/account/logout', { _csrf: token })).statusCode, 403)
      await client.get(step === 'out' ? '/account/login' : '/')
      assert.notEqual(client.cookies._csrf, secret)
      assert.ok(client.cookies._csrf)
    }
  })

  test('of the first page is valid until the end of the setup, with all cookies or only _csrf', async (t) => {
    for (const keepsSession of [true, false]) {
      const client = new Client(await buildNewPlatform(t))
      const _csrf = await client.csrfToken()
      for (const [step, body] of [['create-user', ACCOUNT], ['settings', { telemetry: false }], ['finish', {}]] as const) {
        const { statusCode } = await client.post(`/setup/${step}`, { ...body, _csrf })
        assert.equal(statusCode, 200, step)
        if (!keepsSession) delete client.cookies.sid
      }
    }
  })
})

test('behind https, a page of the same host on plain http is another site', async (t) => {
  const app = await buildNewPlatform(t, { config: { base_url: `https://${HOST}` } })
  const statusFrom = async (origin: string, host = HOST) =>
    (await app.inject({ method: 'POST', url: '/account/login', payload: {}, headers: { origin, host } })).statusCode
  assert.equal(await statusFrom(`http://${HOST}`), 403)
  assert.equal(await statusFrom(`https://${HOST}`), 400)
  // A proxy may forward requests under another host name.
  assert.equal(await statusFrom(`https://${HOST}`, 'localhost:3000'), 400)
  assert.equal(await statusFrom('http://localhost:3000', 'LOCALHOST:3000'), 400)
})
