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
  nextAttemptAt: null,
  durationMs: 10,
  contentType: null,
  receipt: null,
  errorCode: null,
  error: null
}

const NOW = new Date('2026-11-25T12:00:00Z')
const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1_000)

const tell = (ping: Partial<LoggedPing>) => describeOutcome({ ...PING, ...ping }, NOW)

describe('the outcome of a ping is described with what to do about it:', () => {
  test('a network error', () => {
    for (const [errorCode, words] of [
      ['ENOTFOUND', /^ping\.flowforge\.com could not be resolved.+HTTPS_PROXY/],
      ['EAI_AGAIN', /could not be resolved/],
      ['ECONNREFUSED', /refused the connection.+telemetry\.url.+HTTPS_PROXY/],
      ['UND_ERR_CONNECT_TIMEOUT', /could not be reached in time.+firewall/],
      ['ETIMEDOUT', /could not be reached in time/],
      ['ENETUNREACH', /could not be reached\. .*firewall/],
      ['UND_ERR_HEADERS_TIMEOUT', /did not answer in time/],
      ['ECONNRESET', /broke off/],
      ['SELF_SIGNED_CERT_IN_CHAIN', /not trusted.+NODE_EXTRA_CA_CERTS/],
      ['CERT_HAS_EXPIRED', /not valid at this time.+clock/],
      ['PROXY_ADDRESS', /does not hold the address of an HTTP proxy.+http:\/\/host:port/],
      ['PROXY_407', /proxy asks for a user name and a password/],
      ['PROXY_403', /proxy did not connect to ping\.flowforge\.com\..+NO_PROXY/],
      ['PROXY_ECONNREFUSED', /proxy could not be reached, or did not/],
      ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /not trusted/],
      ['SOMETHING_NEW', /could be delivered/]
    ] as const) assert.match(tell({ errorCode }), words)
  })

  test('an answer other than 2xx', () => {
    for (const [status, words] of [
      [302, /redirect, which is not followed.+telemetry\.url/],
      [400, /does not take this ping/],
      [404, /no collector at this address/],
      [407, /proxy on the way asks for a user name and a password/],
      [429, /too many pings/],
      [503, /^ping\.flowforge\.com answered 503\..+nothing to do here/]
    ] as const) assert.match(tell({ status, error: `the collector answered ${status}` }), words)
  })

  test('a delivered, a cancelled and a pending ping', () => {
    assert.equal(tell({ outcome: 'delivered', status: 200 }), 'ping.flowforge.com received it.')
    assert.equal(tell({ outcome: 'cancelled', error: 'Telemetry is off: the setup is not finished.' }),
      'It was cancelled: Telemetry is off: the setup is not finished.')
    assert.equal(tell({ outcome: 'pending', attempts: 0 }), 'It is being sent.')
    assert.match(tell({ outcome: 'interrupted' }), /^The platform stopped while it was being sent/)
  })

  test('a success status without the confirmation of a collector', () => {
    assert.match(tell({ outcome: 'unconfirmed', status: 200 }), /^ping\.flowforge\.com answered 200, but not as a collector does\./)
  })

  test('a waiting ping, with the time left', () => {
    const waiting = (nextAttemptAt: Date, attempts = 2) => tell({ outcome: 'pending', attempts, status: 503, nextAttemptAt })
    assert.match(waiting(later(39.2)), /^Attempt 2 of 4, next in 40 s\. ping\.flowforge\.com answered 503/)
    assert.match(waiting(later(3_600)), /^Attempt 2 of 4, next in 60 min\./)
    assert.match(waiting(later(0)), /^It is being sent, attempt 3 of 4\. Before: ping\.flowforge\.com answered 503/)
    assert.equal(waiting(later(1_200), 0), 'It waits as the receiver asked: first attempt in 20 min.')
    assert.equal(waiting(later(-1), 0), 'It is being sent.')
  })

  test('a final failure does not promise another attempt', () => {
    for (const failure of [{ errorCode: 'ECONNREFUSED' }, { status: 400 }, { status: 503 }, { outcome: 'unconfirmed' }] as const) {
      assert.doesNotMatch(tell(failure), /tried again|next|attempt/)
    }
  })

  test('a ping of release 0.2.0, whose destination was not recorded', () => {
    assert.equal(tell({ outcome: 'delivered', url: null }), 'The receiver (destination not recorded) received it.')
  })
})
