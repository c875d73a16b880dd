import { describe, test, type TestContext } from 'node:test'
import { createAuthority, selfSign, trust } from '../../helpers/certificates.js'
import { followDelivery, followPing, type Expected } from '../../helpers/follow-ping.js'
import { afterRequest, answerOf, CONFIRMED, drip, startPeer } from '../../helpers/peer.js'
import { freePort } from '../../helpers/postgres.js'
import { someOf } from '../../helpers/soak.js'

type Treatment = Parameters<typeof startPeer>[1]
type Fault = [title: string, start: (t: TestContext) => Promise<string>, expected: Partial<Expected>]

/** The expected result without any answer: four attempts, then a network failure. */
const NO_ANSWER = { outcome: 'failed', attempts: 4, status: null, error: /./ } as const

/** Something accepted the ping but did not confirm it as a collector does: it is not posted again. */
const UNCONFIRMED = { outcome: 'unconfirmed', attempts: 1, status: 200, error: /not as a collector does/ } as const

/** The same, once the limit for a body is over. */
const ENDLESS = { ...UNCONFIRMED, endsByLimit: true } as const

const DELIVERED = { outcome: 'delivered', attempts: 1, status: 200, error: null } as const

const peer = (treat: Treatment) => async (t: TestContext) => (await startPeer(t, treat)).url

const faults: Fault[] = [
  // If the resolver is slow to answer, the connection times out first.
  ['a name that does not resolve', async () => 'http://flowforge.invalid/', { error: /ENOTFOUND|EAI_AGAIN|ETIMEDOUT/, endsByLimit: true }],
  ['a refused connection', async () => `http://127.0.0.1:${await freePort()}/`, { error: /ECONNREFUSED/ }],
  ['a connection that is accepted and never answered', peer(() => {}), { error: /UND_ERR_HEADERS_TIMEOUT/, endsByLimit: true }],
  ['a connection that is closed at once', peer((socket) => { socket.end() }), { error: /ECONNRESET/ }],
  ['headers that arrive one byte a second', peer(drip('HTTP/1.1 200 OK\r\nx: ')), { error: /TIMEOUT|ETIMEDOUT/, endsByLimit: true }],
  ['a body that arrives one byte a second', peer(drip('HTTP/1.1 200 OK\r\n\r\n')), ENDLESS],
  ['a body that stops', peer(afterRequest((socket) => { socket.write(answerOf(200, { 'content-length': '9' }, 'half')) })), ENDLESS],
  ['an endless body', peer(afterRequest(flood)), ENDLESS],
  ['garbage instead of HTTP', peer((socket) => { socket.write('SSH-2.0-OpenSSH_9.6\r\n') }), { error: /ECONNRESET/ }],
  ['an answer without a body', peer(afterRequest((socket) => { socket.end('HTTP/1.1 200 OK\r\n\r\n') })), UNCONFIRMED],
  ['a header of one megabyte', peer(afterRequest((socket) => {
    socket.write(answerOf(200, { large: 'x'.repeat(2 ** 20) }))
  })), { error: /UND_ERR_HEADERS_OVERFLOW/ }],
  ['a reset before the request is read', peer((socket) => { socket.resetAndDestroy() }), { error: /ECONNRESET|EPIPE|UND_ERR_SOCKET/ }],
  ['a reset before the answer', peer(afterRequest((socket) => { socket.resetAndDestroy() })), { error: /ECONNRESET/ }],
  ['a reset within the headers', peer(afterRequest(resetAfter('HTTP/1.1 200 OK\r\nserv'))), { error: /ECONNRESET|UND_ERR_SOCKET/ }],
  ['a reset within the body', peer(afterRequest(resetAfter('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'))), UNCONFIRMED],
  ['a reset after the answer', peer(afterRequest(resetAfter(CONFIRMED))), DELIVERED],
  ['a TLS certificate that has expired', tlsPeer(-1, 'localhost'), { error: /CERT_HAS_EXPIRED/ }],
  ['a TLS certificate for another host', tlsPeer(1, 'elsewhere.test'), { error: /ERR_TLS_CERT_ALTNAME_INVALID/ }],
  ['a TLS certificate that is self-signed', async (t) => (
    (await startPeer(t, answerOk, selfSign('localhost'))).url), { error: /DEPTH_ZERO_SELF_SIGNED_CERT/ }],
  ['a TLS handshake that is never finished', overTls(() => {}), { error: /ETIMEDOUT/, endsByLimit: true }],
  ['plain HTTP where TLS was expected', overTls((socket) => { socket.write(answerOf(200)) }), { error: /SSL/ }],
  ['no fault: a TLS certificate from a trusted authority', tlsPeer(1, 'localhost'), DELIVERED]
]

/** Those that a whole platform meets: one for each outcome, over TCP and over TLS. */
const byPlatform = new Set(someOf(faults, 2, 5, 16))

describe('delivery meets', () => {
  for (const fault of faults) {
    const [title, start, expected] = fault
    test(title, async (t) => {
      const [url, whole] = [await start(t), { ...NO_ANSWER, ...expected }]
      await (byPlatform.has(fault) ? followPing(t, url, whole) : followDelivery(t, url, whole))
    })
  }

  test('a TLS certificate that is self-signed, in a host that lets Node.js accept any', async (t) => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    t.after(() => { delete process.env.NODE_TLS_REJECT_UNAUTHORIZED })
    const peer = await startPeer(t, answerOk, selfSign('localhost'))
    await followDelivery(t, peer.url, { ...NO_ANSWER, error: /DEPTH_ZERO_SELF_SIGNED_CERT/ })
  })
})

function flood (socket: Parameters<Treatment>[0]): void {
  socket.write('HTTP/1.1 200 OK\r\n\r\n')
  const more = () => { while (!socket.destroyed && socket.write('x'.repeat(65_536))); }
  socket.on('drain', more)
  more()
}

function resetAfter (text: string): Treatment {
  return (socket) => { socket.write(text, () => { socket.resetAndDestroy() }) }
}

function answerOk (socket: Parameters<Treatment>[0]): void {
  socket.once('data', () => { socket.write(CONFIRMED) })
}

function overTls (treat: Treatment) {
  return async (t: TestContext) => (await peer(treat)(t)).replace('http:', 'https:')
}

function tlsPeer (daysLeft: number, host: string) {
  return async (t: TestContext) => {
    const authority = createAuthority()
    trust(t, authority)
    return (await startPeer(t, answerOk, authority.issueFor(host, daysLeft))).url
  }
}
