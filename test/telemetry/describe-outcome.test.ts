import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { describeOutcome } from '../../src/telemetry/describe-outcome.js'
import type { LoggedPing } from '../../src/telemetry/index.js'

const PING: LoggedPing = {
  id: 1,
  kind: 'daily',
  sentAt: new Date(),
  idempotencyKey: 'key',
  body: '{}',
  outcome: 'failed',
  status: null,
  attempts: 4,
  durationMs: 10,
  receipt: null,
  error: null
}

const tell = (ping: Partial<LoggedPing>) => describeOutcome({ ...PING, ...ping }, 'https://ping.flowforge.com')

describe('the outcome of a ping is told in words to act on:', () => {
  test('an error of the network', () => {
    for (const [error, words] of [
      ['ENOTFOUND: getaddrinfo ENOTFOUND ping.flowforge.com', /^ping\.flowforge\.com could not be resolved.+HTTPS_PROXY/],
      ['EAI_AGAIN: getaddrinfo EAI_AGAIN', /could not be resolved/],
      ['ECONNREFUSED: connect ECONNREFUSED 127.0.0.1:9', /refused the connection.+telemetry\.url.+HTTPS_PROXY/],
      ['UND_ERR_CONNECT_TIMEOUT: Connect Timeout Error', /could not be reached in time.+firewall/],
      ['ETIMEDOUT: no complete answer in time', /could not be reached in time/],
      ['UND_ERR_HEADERS_TIMEOUT: Headers Timeout Error', /did not answer in time/],
      ['ECONNRESET: read ECONNRESET', /broke off/],
      ['SELF_SIGNED_CERT_IN_CHAIN: self-signed certificate', /not trusted.+NODE_EXTRA_CA_CERTS/],
      ['CERT_HAS_EXPIRED: certificate has expired', /not trusted/],
      ['UNABLE_TO_VERIFY_LEAF_SIGNATURE: unable to verify', /not trusted/],
      ['something new', /could not be delivered/]
    ] as const) assert.match(tell({ error }), words)
  })

  test('an answer that is no success', () => {
    for (const [status, words] of [
      [302, /redirect, which is not followed.+telemetry\.url/],
      [400, /does not take this ping/],
      [404, /no collector at this address/],
      [407, /proxy on the way asks for a name and a password/],
      [429, /too many pings/],
      [503, /^ping\.flowforge\.com answered 503\..+nothing to do here/]
    ] as const) assert.match(tell({ status, error: `the collector answered ${status}` }), words)
  })

  test('a success, a cancellation, and a ping that is still on its way', () => {
    assert.equal(tell({ outcome: 'delivered', status: 200 }), 'ping.flowforge.com received it.')
    assert.equal(tell({ outcome: 'cancelled', error: 'an administrator turned telemetry off' }),
      'It was cancelled: an administrator turned telemetry off.')
    assert.equal(tell({ outcome: 'pending', attempts: 0 }), 'It is on its way.')
    assert.match(tell({ outcome: 'interrupted' }), /^The platform stopped while it was on its way/)
    const waiting = tell({ outcome: 'pending', attempts: 2, status: 503 })
    assert.match(waiting, /^It waits for another attempt\. .+answered 503/)
  })
})
