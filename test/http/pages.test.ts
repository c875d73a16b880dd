import assert from 'node:assert/strict'
import type { FastifyInstance } from 'fastify'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { ACCOUNT, buildNewPlatform, Client, setUp } from '../helpers/client.js'
import { within } from '../helpers/within.js'

describe('a form', () => {
  test('is refused without its token, on every address', async (t) => {
    const client = await setUp(await buildNewPlatform(t))
    for (const url of ['/account/login', '/account/logout']) {
      const response = await client.postForm(url, { username: ACCOUNT.username, password: ACCOUNT.password })
      assert.equal(response.statusCode, 403)
      assert.match(response.body, /The form was too old/)
    }
    assert.equal((await client.get('/')).statusCode, 200)
  })

  test('of another site is refused, with any content type', async (t) => {
    const client = await setUp(await buildNewPlatform(t))
    const logout = { method: 'POST', url: '/account/logout' } as const
    for (const site of ['cross-site', 'same-site']) {
      const response = await client.request({ ...logout, headers: { 'sec-fetch-site': site } })
      assert.deepEqual([response.statusCode, response.json().code], [403, 'other_site'])
    }
    for (const type of ['text/plain', 'multipart/form-data; boundary=x']) {
      const response = await client.request({ ...logout, headers: { 'content-type': type }, payload: '{}' })
      assert.equal(response.statusCode, 415)
    }
    assert.equal((await client.get('/')).statusCode, 200)
  })
})

describe('every answer', () => {
  test('has Strict-Transport-Security only where the platform is reached by https', async (t) => {
    for (const [config, promise] of [[{}, undefined], [{ base_url: 'https://flowforge.example' }, /^max-age=\d{8}$/]] as const) {
      const header = (await new Client(await buildNewPlatform(t, { config })).get('/setup')).headers['strict-transport-security']
      if (promise) assert.match(String(header), promise)
      else assert.equal(header, undefined)
    }
  })

  test('forbids inline scripts and styles, other hosts and framing', async (t) => {
    const client = await setUp(await buildNewPlatform(t))
    for (const url of ['/', '/account/login', '/nowhere', '/api/nowhere', '/assets/style.css']) {
      const { headers } = await client.get(url)
      const policy = String(headers['content-security-policy'])
      assert.match(policy, /default-src 'none'/)
      assert.match(policy, /frame-ancestors 'none'/)
      assert.doesNotMatch(policy, /unsafe|https?:|\*/)
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.equal(headers['referrer-policy'], 'no-referrer')
    }
  })

  test('must not be cached, except for the assets', async (t) => {
    const client = await setUp(await buildNewPlatform(t))
    for (const url of ['/', '/account/login', '/nowhere', '/api/nowhere']) {
      assert.equal((await client.get(url)).headers['cache-control'], 'no-store', url)
    }
    for (const url of ['/assets/pico.min.css', '/assets/style.css', '/assets/page.js', '/assets/icon.svg']) {
      const response = await client.get(url)
      assert.equal(response.statusCode, 200, url)
      assert.equal(response.headers['cache-control'], 'public, max-age=3600', url)
    }
  })
})

describe('the assets', () => {
  test('are the only files served below their address, however a path is written', async (t) => {
    const app = await buildNewPlatform(t)
    await app.listen({ port: 0 })
    for (const up of ['..', '%2e%2e', '.%2e', 'x/../..', '..;', '%252e%252e']) {
      for (const slash of ['/', '%2f', '%5c', '//']) {
        const { status, body } = await getRaw(app, `/assets/${up}${slash}layout.eta`)
        assert.ok(status >= 400 && status < 500, `${up}${slash}: ${status}`)
        assert.doesNotMatch(body, /<%/)
      }
    }
    assert.equal((await getRaw(app, '/assets/style.css')).status, 200)
  })

  test('are not sent again to a browser that has them', async (t) => {
    const client = new Client(await buildNewPlatform(t))
    const { etag } = (await client.get('/assets/style.css')).headers
    const again = await client.request({ url: '/assets/style.css', headers: { 'if-none-match': String(etag) } })
    assert.deepEqual([again.statusCode, again.body], [304, ''])
  })
})

/** Requests a path exactly as written: other clients resolve the dots. */
function getRaw (app: FastifyInstance, path: string): Promise<{ status: number, body: string }> {
  const { port } = app.server.address() as AddressInfo
  return within(path, new Promise((resolve, reject) => {
    request({ port, path, agent: false }, (response) => {
      text(response).then((body) => { resolve({ status: response.statusCode!, body }) }, reject)
    }).on('error', reject).end()
  }))
}

describe('an error', () => {
  test('is a page for a browser and JSON for a program', async (t) => {
    const client = await setUp(await buildNewPlatform(t))
    const page = await client.get('/nowhere')
    assert.equal(page.statusCode, 404)
    assert.match(page.body, /<h1>Not Found<\/h1>/)
    const response = await client.request({ url: '/nowhere' })
    assert.deepEqual(response.json(), { code: 'not_found', error: 'There is nothing at this address.' })
  })

  test('inside the platform is logged, and its details are not in the answer', async (t) => {
    const app = await buildNewPlatform(t)
    const client = new Client(app)
    t.mock.method(app.settings, 'refresh', async () => { throw new Error('disk 7 of db-host-3 is gone') })
    for (const headers of [{ accept: 'text/html' }, { accept: 'application/json' }]) {
      const response = await client.request({ url: '/', headers })
      assert.equal(response.statusCode, 500)
      assert.match(response.body, /Something went wrong inside the platform/)
      assert.doesNotMatch(response.body, /disk 7|db-host-3|\.ts/)
    }
  })

  test('in the JSON of a request is explained in the answer', async (t) => {
    const client = await setUp(await buildNewPlatform(t))
    const post = (payload: string) => client.request({
      method: 'POST', url: '/account/login', payload, headers: { 'content-type': 'application/json' }
    })
    assert.deepEqual((await post('{')).json().code, 'invalid_request')
    assert.deepEqual((await post('[]')).json(), { code: 'invalid_request', error: 'The body has to be an object.' })
    assert.match((await post('{"username":"ada"}')).json().error, /^password: /)
    assert.equal((await post('{"username":"ada","password":"x","rememberr":true}')).json().error, 'rememberr: Unknown field.')
  })
})
