import assert from 'node:assert/strict'
import { test } from 'node:test'
import { post } from '../../../src/telemetry/delivery/post.js'
import { startListener } from '../../helpers/listener.js'
import { startPeer } from '../../helpers/peer.js'

for (const [when, revoke] of [
  ['before it is posted', (revocation: AbortController, send: () => Promise<unknown>) => { revocation.abort(); return send() }],
  ['in the same moment', (revocation: AbortController, send: () => Promise<unknown>) => {
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
    // A later connection finds the listener where it would have found it then.
    await fetch(url)
    assert.equal(connections(), 1)
  })
}

test('a ping whose consent is refused once the connection stands writes no byte', async (t) => {
  const peer = await startPeer(t, () => {})
  const { signal } = new AbortController()
  const beforeWrite = async () => { throw new Error('refused meanwhile') }
  await assert.rejects(
    post({ url: peer.url, body: '{}', version: '0.2.0', idempotencyKey: 'key', signal, beforeWrite }), /refused meanwhile/)
  assert.deepEqual([peer.connections(), peer.bytes()], [1, 0])
})
