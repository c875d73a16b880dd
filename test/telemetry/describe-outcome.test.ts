import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { describeOutcome } from '../../src/telemetry/describe-outcome.js'
import type { LoggedPing } from '../../src/telemetry/index.js'

const PING: LoggedPing = {
  id: 1,
  kind: 'daily',
  sentAt: new Date(),
  idempotencyKey: 'key',
  url: 'https://ping.flowforge.com/',
  body: '{}',
  outcome: 'failed',
  status: null,
  attempts: 4,
  durationMs: 10,
  receipt: null,
  errorCode: null,
  error: null
}

const tell = (ping: Partial<LoggedPing>) => describeOutcome({ ...PING, ...ping })

describe('the outcome of a ping is told in words to act on:', () => {
  test('an error of the network', () => {
    for (const [errorCode, words] of [
      ['ENOTFOUND', /^ping\.flowforge\.com could not be resolved.+HTTPS_PROXY/],
      ['EAI_AGAIN', /could not be resolved/],
      ['ECONNREFUSED', /refused the connection.+telemetry\.url.+HTTPS_PROXY/],
      ['UND_ERR_CONNECT_TIMEOUT', /could not be reached in time.+firewall/],
      ['ETIMEDOUT', /could not be reached in time/],
      ['UND_ERR_HEADERS_TIMEOUT', /did not answer in time/],
      ['ECONNRESET', /broke off/],
      ['SELF_SIGNED_CERT_IN_CHAIN', /not trusted.+NODE_EXTRA_CA_CERTS/],
      ['CERT_HAS_EXPIRED', /not trusted/],
      ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /not trusted/],
      ['SOMETHING_NEW', /could not be delivered/]
    ] as const) assert.match(tell({ errorCode }), words)
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
    assert.equal(tell({ outcome: 'cancelled', error: 'Telemetry is off: the setup is not finished.' }),
      'It was cancelled: Telemetry is off: the setup is not finished.')
    assert.equal(tell({ outcome: 'pending', attempts: 0 }), 'It is being sent.')
    assert.match(tell({ outcome: 'interrupted' }), /^The platform stopped while it was being sent/)
    const waiting = tell({ outcome: 'pending', attempts: 2, status: 503 })
    assert.match(waiting, /^It waits for another attempt\. .+answered 503/)
  })

  test('a ping of release 0.2.0, whose destination was not recorded', () => {
    assert.equal(tell({ outcome: 'delivered', url: null }), 'The receiver (not recorded) received it.')
  })
})
