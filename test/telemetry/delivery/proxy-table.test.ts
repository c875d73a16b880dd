/** The choice of a proxy, observed at real listeners and compared with curl. */
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { PROXY_RULES, type RuleName } from '../../../docs/proxy-rules.js'
import { connect } from '../../../src/telemetry/delivery/connection.js'
import { PROXY_CASES, type ProxyCase, type Route } from './proxy-cases.js'

/** The first release of curl that supports networks in `no_proxy`. */
const OLDEST_CURL = 7.86

const withoutCurl = cannotRunCurl()

/** A loopback address that no other test uses. */
const PROXY_WITHOUT_PORT = '127.80.0.1'

const VARIABLES = /^(https?|all|no)_proxy$|^proxy$/i

describe('a connection', () => {
  const ports: Record<string, number> = {}
  const servers = ['A', 'B', 'TARGET'].map((name) => ({ name, server: createServer() }))
  let taken: Route[] = []
  before(async () => {
    for (const { name, server } of servers) {
      server.on('connection', (socket) => {
        taken.push(name === 'TARGET' ? 'direct' : name as Route)
        socket.on('error', () => {}).destroy()
      })
      await once(server.listen(0, '::'), 'listening')
      ports[name] = (server.address() as AddressInfo).port
    }
  })
  after(() => { for (const { server } of servers) server.close() })

  const fill = (text: string) => text.replace(/:(A|B|TARGET)\b/, (_port, name: string) => `:${ports[name]}`)

  /** Returns where the first connection went that the call made. */
  async function routeOf ({ url, environment }: ProxyCase, act: (url: string, environment: Record<string, string>) => Promise<unknown>): Promise<Route> {
    taken = []
    await act(fill(url), Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, fill(value)])))
    return taken[0] ?? 'none'
  }

  const cannotListen = process.getuid?.() === 0 ? false : 'needs the right to listen on port 80'
  test('to a proxy without a port: 80 here, 1080 with curl', { skip: cannotListen }, async (t) => {
    const asked: string[] = []
    for (const port of [80, 1080]) {
      const server = createServer((socket) => {
        asked.push(String(port))
        socket.on('error', () => {}).destroy()
      }).listen(port, PROXY_WITHOUT_PORT)
      t.after(() => server.close())
      await once(server, 'listening')
    }
    const environment = { http_proxy: `http://${PROXY_WITHOUT_PORT}` }
    await connectWith(fill('http://127.0.0.1:TARGET/'), environment)
    await runCurl(fill('http://127.0.0.1:TARGET/'), environment)
    assert.deepEqual(asked, withoutCurl ? ['80'] : ['80', '1080'])
  })

  test('to an http address through a proxy: CONNECT here, a forwarded request with curl', async (t) => {
    const asked: string[] = []
    const proxy = createServer((socket) => {
      socket.on('error', () => {}).once('data', (bytes) => {
        asked.push(bytes.toString().split('\r\n')[0]!)
        socket.destroy()
      })
    }).listen(0, '127.0.0.1')
    t.after(() => proxy.close())
    await once(proxy, 'listening')
    const environment = { http_proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` }
    await connectWith('http://127.0.0.1:1/', environment)
    await runCurl('http://127.0.0.1:1/', environment)
    assert.deepEqual(asked, ['CONNECT 127.0.0.1:1 HTTP/1.1', ...withoutCurl ? [] : ['GET http://127.0.0.1:1/ HTTP/1.1']])
  })

  test('differs from curl only in the ways that docs/network.md lists', () => {
    const shown = new Set<RuleName>(['port', 'plainHttp', ...PROXY_CASES.flatMap(({ curl }) => curl ? [curl[1]] : [])])
    assert.deepEqual([...shown].toSorted(), Object.keys(PROXY_RULES).toSorted())
  })

  for (const each of PROXY_CASES) {
    const { url, environment, route, curl: [otherRoute] = [] } = each
    const setting = Object.entries(environment).map(([name, value]) => `${name}='${value}'`).join(' ')
    test(`to ${url} with ${setting || 'no variable'}: ${route}`, async () => {
      const expected = { here: route, curl: otherRoute ?? route }
      const here = await routeOf(each, connectWith)
      const curl = withoutCurl || otherRoute === 'varies' ? expected.curl : await routeOf(each, runCurl)
      assert.deepEqual({ here, curl }, expected)
    })
  }
})

test('curl is available for comparison', { skip: withoutCurl }, () => {})

async function connectWith (url: string, environment: Record<string, string>): Promise<void> {
  const before = { ...process.env }
  for (const name of Object.keys(process.env)) if (VARIABLES.test(name)) delete process.env[name]
  Object.assign(process.env, environment)
  try {
    const { signal } = new AbortController()
    const socket = await connect(new URL(url), { signal, beforeWrite: async () => {} })
    socket.resume()
    if (!socket.closed) await once(socket, 'close')
  } catch {
    // This fails as expected: the listeners hang up, and some values are not valid proxies.
  } finally {
    process.env = before
  }
}

async function runCurl (url: string, environment: Record<string, string>): Promise<void> {
  const env = { PATH: process.env.PATH, ...environment }
  await promisify(execFile)('curl', ['-q', '-sS', '--insecure', '--max-time', '5', url], { env }).catch(() => { /* as above */ })
}

function cannotRunCurl (): string | false {
  try {
    const [, release] = /^curl (\d+\.\d+)/.exec(execFileSync('curl', ['--version'], { encoding: 'utf8' }))!
    return Number(release) >= OLDEST_CURL ? false : `curl ${release} is too old`
  } catch {
    return 'curl is not installed'
  }
}
