import assert from 'node:assert/strict'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { HTTPMethods, InjectOptions } from 'fastify'
import { buildNewPlatform, Client, setUp } from '../helpers/client.js'
import { startListener } from '../helpers/listener.js'
import { inSoak } from '../helpers/soak.js'
import { collectRoutes } from './routes.js'

const RUNS = inSoak(10_000, 60)
const MEGABYTE = 2 ** 20

/** Longer than any answer takes on a slow machine: a request that takes this long is never answered. */
const HANG_MS = 30_000

/** One answer that serves as a collector's reply to each of the platform's requests. */
const ANSWER = '{"status":"success","held":{},"forgotten":{"installations":0,"pings":0}}'

const payloads = fc.oneof(
  fc.json(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '{', '[]', 'null', '{"__proto__":{"admin":true}}', '{"constructor":{"prototype":{}}}', '%', 'a[]=1&a=2&_csrf=x',
    '['.repeat(100_000), `"${'x'.repeat(2 * MEGABYTE)}"`, '{"username":"\\u0000","password":"\\ud800"}'),
  fc.dictionary(fc.constantFrom('_csrf', 'name', 'username', 'email', 'password', 'telemetry', 'telemetry:enabled'),
    fc.oneof(fc.string(), fc.boolean(), fc.jsonValue())).map((body) => JSON.stringify(body))
)
const headers = fc.record({
  'content-type': fc.constantFrom('application/json', 'application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data',
    'application/json; charset=utf-16', '/', 'a'.repeat(5_000)),
  accept: fc.constantFrom('text/html', 'application/json', '*/*', ','),
  cookie: fc.constantFrom('sid=', 'sid=%', `sid=${'x'.repeat(8_000)}`, 'sid=a; sid=b', '_csrf=; _csrf=x', ';;=;', 'sid="\\"'),
  'if-none-match': fc.constantFrom('*', '"'),
  'if-modified-since': fc.constantFrom('never'),
  range: fc.constantFrom('bytes=9-1', 'bytes=0-99999999999999')
}, { requiredKeys: [] })
const parameters = fc.constantFrom('1', '%00', '%', '..%2f..%2fetc%2fpasswd', '%c0%af', '-1', '9'.repeat(400), "'--", '%F0%9F%92%A9')
const queries = fc.constantFrom('', '?', '?%', '?a[b]=1&a=2', `?${'x'.repeat(5_000)}`)
const methods = fc.constantFrom<HTTPMethods>('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS')

describe('no request, to any route, is answered with a server error or internal details', () => {
  for (const who of ['a stranger before the setup', 'a stranger', 'the administrator'] as const) {
    test(`from ${who}`, async (t) => {
      const routes = collectRoutes(t)
      const receiver = await startListener(t, (response) => response.end(ANSWER))
      const app = await buildNewPlatform(t, { telemetry: { url: receiver.url } })
      const client = who === 'a stranger before the setup' ? new Client(app) : await setUp(app)
      if (who === 'a stranger') delete client.cookies.sid
      const _csrf = await client.csrfToken(who === 'the administrator' ? '/' : who === 'a stranger' ? '/account/login' : '/setup')
      // Signing out would end the session that the administrator's requests need.
      const urls = [...new Set(routes.map(({ url }) => url))].filter((url) => url !== '/account/logout')
      assert.ok(urls.length > 1)
      await fc.assert(fc.asyncProperty(
        fc.constantFrom(...urls), parameters, queries, methods, headers, payloads, fc.boolean(),
        async (route, parameter, query, method, header, payload, honest) => {
          const url = route.replace(/:\w+|\*/g, parameter) + query
          // Half of the requests have valid cookies and a valid token, and so pass the first check.
          const cookie = Object.entries(client.cookies).map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('; ')
          const own = honest ? { cookie, 'csrf-token': _csrf } : {}
          const { statusCode, body } = await app.inject({ method, url, payload, headers: { ...header, ...own } } as InjectOptions)
          assert.ok(statusCode < 500, `${statusCode} ${body}`)
          assert.doesNotMatch(body, /node_modules|\n\s+at |SQLITE|Sequelize/)
        }), { numRuns: RUNS, timeout: HANG_MS, endOnFailure: true })
      assert.equal((await app.inject('/health')).statusCode, 200)
    })
  }
})

test('bytes that are not HTTP are refused, and the next request is served', async (t) => {
  const app = await buildNewPlatform(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  for (const bytes of ['NONSENSE\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', 'GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\ncontent-length: x\r\n\r\n',
    `GET / HTTP/1.1\r\nhost: a\r\nlarge: ${'x'.repeat(MEGABYTE)}\r\n\r\n`, `GET /${'x'.repeat(MEGABYTE)} HTTP/1.1\r\n\r\n`,
    'POST /account/login HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n']) {
    const socket = net.connect(port, '127.0.0.1')
    socket.on('error', () => { /* the server may reset the connection */ })
    await once(socket, 'connect')
    socket.end(bytes)
    const answer = await text(socket).catch(() => '')
    assert.match(answer, /^(HTTP\/1\.1 4\d\d |$)/)
  }
  assert.equal((await fetch(`http://127.0.0.1:${port}/health`)).status, 200)
})

test('a forged session is refused by every route that refuses a stranger', async (t) => {
  const routes = collectRoutes(t)
  const app = await buildNewPlatform(t)
  const { cookies: { sid } } = await setUp(app)
  const forgeries = ['', 'x', sid!.slice(0, -1), sid + 'x', sid!.toUpperCase(), "' OR 1=1 --", 'null', Buffer.alloc(32).toString('base64url')]
  for (const { url, method } of routes) {
    const ask = async (cookies: Record<string, string>) => {
      const { statusCode, headers } = await app.inject({ method: [method].flat()[0] as 'GET', url, cookies })
      return `${statusCode} ${headers.location}`
    }
    const stranger = await ask({})
    for (const forged of forgeries) assert.equal(await ask({ sid: forged }), stranger, `${String(method)} ${url} with ${forged}`)
  }
})
