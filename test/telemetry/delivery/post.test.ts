import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { post } from '../../../src/telemetry/delivery/post.js'
import { startListener } from '../../helpers/listener.js'
import { answerOf, startPeer } from '../../helpers/peer.js'
import { within } from '../../helpers/within.js'

for (const [when, revoke] of [
  ['before it is posted', (revocation: AbortController, send: () => Promise<unknown>) => { revocation.abort(); return send() }],
  ['right after the call', (revocation: AbortController, send: () => Promise<unknown>) => {
    const sending = send()
    revocation.abort()
    return sending
  }]
] as const) {
  test(`a ping that is revoked ${when} makes no connection`, async (t) => {
    const { url, connections } = await startListener(t)
    const revocation = new AbortController()
    await assert.rejects(revoke(revocation, () => (
      post({
        url, body: '{}', version: '0.2.0', idempotencyKey: 'key', signal: revocation.signal, beforeWrite: async () => {}
      }))), { name: 'AbortError' })
    // A later connection shows that the listener would have counted an earlier one.
    await fetch(url)
    assert.equal(connections(), 1)
  })
}

/** Allows the given number of steps, and then refuses. */
function refuseAfter (steps: number) {
  return async () => { if (steps-- <= 0) throw new Error('refused meanwhile') }
}

describe('a ping whose consent is refused', () => {
  const { signal } = new AbortController()
  const steps: [when: string, steps: number, scheme: string, viaProxy: boolean, connections: number, bytes: RegExp][] = [
    ['before it connects', 0, 'http', false, 0, /^$/],
    ['once the connection is open', 1, 'http', false, 1, /^$/],
    ['before the TLS handshake', 1, 'https', false, 1, /^$/],
    ['before it asks a proxy', 1, 'http', true, 1, /^$/],
    ['once the tunnel is open', 2, 'http', true, 1, /^CONNECT .*\r\n\r\n$/s],
    ['once the tunnel is open, before the TLS handshake', 2, 'https', true, 1, /^CONNECT .*\r\n\r\n$/s]
  ]
  for (const [when, count, scheme, viaProxy, connections, bytes] of steps) {
    test(`${when} writes nothing more`, async (t) => {
      let received = ''
      const peer = await startPeer(t, (socket) => {
        socket.on('data', (chunk) => { received += chunk.toString('latin1') })
        socket.once('data', (chunk) => {
          if (chunk.toString().startsWith('GET')) socket.end(answerOf(200))
          else socket.write('HTTP/1.1 200 OK\r\n\r\n')
        })
      })
      if (viaProxy) {
        process.env.ALL_PROXY = peer.url
        t.after(() => { delete process.env.ALL_PROXY })
      }
      const url = peer.url.replace('http:', `${scheme}:`)
      await assert.rejects(
        post({ url, body: '{}', version: '0.2.0', idempotencyKey: 'key', signal, beforeWrite: refuseAfter(count) }), /refused meanwhile/)
      // A later connection shows that the peer would have seen an earlier one.
      await within('a later answer', fetch(peer.url))
      assert.equal(peer.connections(), connections + 1)
      assert.match(received.replace(/GET \/ HTTP.*$/s, ''), bytes)
    })
  }
})
