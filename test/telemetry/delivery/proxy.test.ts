import assert from 'node:assert/strict'
import net from 'node:net'
import { afterEach, describe, test, type TestContext } from 'node:test'
import { describeOutcome } from '../../../src/telemetry/describe-outcome.js'
import { createAuthority, trust, type Certificate } from '../../helpers/certificates.js'
import { followDelivery, followPing } from '../../helpers/follow-ping.js'
import { startListener } from '../../helpers/listener.js'
import { afterRequest, answerOf, CONFIRMED, drip, startPeer } from '../../helpers/peer.js'
import { buildPlatform } from '../../helpers/platform.js'
import { freePort } from '../../helpers/postgres.js'
import { inSoak, someOf } from '../../helpers/soak.js'

const DELIVERED = { outcome: 'delivered', attempts: 1, status: 200, error: null } as const
const NO_ANSWER = { outcome: 'failed', attempts: 4, status: null } as const

/** A platform sends the ping of the first test here; in the soak test, of all. */
const followAnother = inSoak(followPing, followDelivery)

afterEach(() => {
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']) delete process.env[name]
})

/** A working proxy, and the requests that it received. */
async function startProxy (t: TestContext, certificate?: Certificate) {
  const asked: string[] = []
  const proxy = await startPeer(t, (socket) => {
    socket.once('data', (request: Buffer) => {
      asked.push(request.toString())
      const [, host, port] = /^CONNECT (\S+):(\d+) /.exec(request.toString())!
      const beyond = net.connect(Number(port), host, () => { socket.write('HTTP/1.1 200 Connected\r\n\r\n') })
      socket.pipe(beyond).pipe(socket)
      beyond.on('error', () => { socket.destroy() })
      socket.on('close', () => { beyond.destroy() })
    })
  }, certificate)
  return { ...proxy, asked }
}

/** Properties whose values are random, or depend on the machine: they may have the digits of a port. */
const ANY_DIGITS = ['time', 'pid', 'hostname', 'sentAt', 'idempotencyKey', 'url', 'body']

describe('a proxy', () => {
  test('of HTTP_PROXY forwards the ping, and learns only its destination', async (t) => {
    const { url, asked } = await startProxy(t)
    process.env.HTTP_PROXY = url
    const listener = await startListener(t)
    await followPing(t, listener.url, DELIVERED)
    const { host } = new URL(listener.url)
    assert.equal(asked.join(''), `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
  })

  test('of HTTPS_PROXY forwards the ping, and the certificate of the collector is verified', async (t) => {
    const { url, asked } = await startProxy(t)
    process.env.HTTPS_PROXY = url
    const authority = createAuthority()
    trust(t, authority)
    const answer = afterRequest((socket) => { socket.write(CONFIRMED) })
    const good = await startPeer(t, answer, authority.issueFor('localhost'))
    await followAnother(t, good.url, DELIVERED)
    assert.equal(asked.length, 1)
  })

  test('does not change the host that is verified behind it', async (t) => {
    process.env.HTTPS_PROXY = (await startProxy(t)).url
    const authority = createAuthority()
    trust(t, authority)
    const bad = await startPeer(t, afterRequest((socket) => { socket.write(CONFIRMED) }), authority.issueFor('elsewhere.test'))
    await followAnother(t, bad.url, { ...NO_ANSWER, error: /^ERR_TLS_CERT_ALTNAME_INVALID/ })
  })

  const failures: [title: string, peer: Parameters<typeof startPeer>[1], error: RegExp, endsByLimit?: true][] = [
    ['that asks for credentials', afterRequest((socket) => { socket.write(answerOf(407)) }), /PROXY_407/],
    ['that refuses', afterRequest((socket) => { socket.write(answerOf(403)) }), /PROXY_403/],
    ['that never answers', () => {}, /PROXY_ETIMEDOUT/, true],
    ['whose answer arrives one byte a second', drip('HTTP/1.1 200 OK\r\nx: '), /TIMEDOUT|TIMEOUT/, true],
    ['that does not speak HTTP', (socket) => { socket.write('SSH-2.0\r\n') }, /PROXY_HPE_INVALID/],
    ['that hangs up', afterRequest((socket) => { socket.end() }), /UND_ERR_SOCKET|ECONNRESET/]
  ]
  for (const [place, [title, peer, error, endsByLimit]] of failures.entries()) {
    for (const scheme of someOf(['http', 'https'], place % 2)) {
      test(`${title} is a network failure, for ${scheme}`, async (t) => {
        const proxy = await startPeer(t, peer)
        process.env[`${scheme.toUpperCase()}_PROXY`] = proxy.url
        const collector = await startPeer(t, () => {})
        await followAnother(t, collector.url.replace('http', scheme), { ...NO_ANSWER, error, endsByLimit })
        assert.equal(proxy.connections(), NO_ANSWER.attempts)
        assert.equal(collector.connections(), 0)
      })
    }
  }

  test('that is down is a network failure, and is not bypassed', async (t) => {
    process.env.HTTP_PROXY = `http://127.0.0.1:${await freePort()}`
    const collector = await startListener(t)
    await followAnother(t, collector.url, { ...NO_ANSWER, error: /ECONNREFUSED/ })
    assert.equal(collector.connections(), 0)
  })

  for (const value of someOf([
    'name:port', 'user:secret@host:99999', 'http://user:sec/ret@host:3128', 'http://user:secret#@host', '//secret:3128',
    'ftp://secret', 'socks5://user:secret@host:1080', 'http://', 'http://user:secret@'
  ], 1, 2, 4, 5, 7)) {
    test(`with the address ${value} is neither used nor bypassed, and the value is not repeated`, async (t) => {
      process.env.HTTP_PROXY = value
      const collector = await startListener(t)
      const { app, log } = await buildPlatform(t, { telemetry: { url: collector.url } })
      const ping = await app.telemetry.send()
      assert.deepEqual([ping.outcome, ping.errorCode], ['failed', 'PROXY_ADDRESS'])
      assert.match(ping.error!, /^The environment variable HTTP_PROXY .+http:\/\/host:port/)
      assert.equal(collector.connections(), 0)
      const told = [log.lines, ping, describeOutcome(ping)]
      assert.doesNotMatch(JSON.stringify(told), /secret|sec\/ret|host:(3128|99999)|name:port/)
      assert.doesNotMatch(JSON.stringify(told, (key, value) => ANY_DIGITS.includes(key) ? null : value), /99999|3128/)
    })
  }

  test('that requires credentials gets them from its URL, decoded', async (t) => {
    const { url, asked } = await startProxy(t)
    process.env.HTTP_PROXY = url.replace('//', '//us%er:p%40ss%3Aword@')
    await followAnother(t, (await startListener(t)).url, DELIVERED)
    assert.match(asked.join(''), new RegExp(`Proxy-Authorization: Basic ${Buffer.from('us%er:p@ss:word').toString('base64')}\r\n`))
  })

  test('with an https address is verified, and forwards the ping', async (t) => {
    const authority = createAuthority()
    trust(t, authority)
    const { url, asked } = await startProxy(t, authority.issueFor('localhost'))
    process.env.HTTPS_PROXY = url
    const collector = await startPeer(t, afterRequest((socket) => { socket.write(CONFIRMED) }), authority.issueFor('localhost'))
    await followAnother(t, collector.url, DELIVERED)
    assert.equal(asked.length, 1)
  })

  test('with an https address and the certificate of another host receives nothing', async (t) => {
    const authority = createAuthority()
    trust(t, authority)
    const { url, asked } = await startProxy(t, authority.issueFor('elsewhere.test'))
    process.env.HTTP_PROXY = url
    await followAnother(t, (await startListener(t)).url, { ...NO_ANSWER, error: /PROXY_ERR_TLS_CERT_ALTNAME_INVALID/ })
    assert.deepEqual(asked, [])
  })

  for (const without of ['127.0.0.1', '*', 'elsewhere.test, 127.0.0.1']) {
    test(`is bypassed where NO_PROXY is "${without}"`, async (t) => {
      process.env.HTTP_PROXY = `http://127.0.0.1:${await freePort()}`
      process.env.NO_PROXY = without
      await followAnother(t, (await startListener(t)).url, DELIVERED)
    })
  }
})
