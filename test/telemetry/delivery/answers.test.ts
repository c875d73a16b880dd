import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BACKOFFS_MS, followDelivery, followPing } from '../../helpers/follow-ping.js'
import { CONFIRMATION, startListener } from '../../helpers/listener.js'
import { afterRequest, answerOf, startPeer } from '../../helpers/peer.js'
import { inSoak, someOf } from '../../helpers/soak.js'

const HOUR_S = 3_600
const YEAR_MS = 365 * 24 * HOUR_S * 1_000

/** A platform sends the ping of the last test here; in the soak test, of all. */
const followAnother = inSoak(followPing, followDelivery)

describe('an answer of', () => {
  for (const status of [200, 201, 202]) {
    test(`${status} with the confirmation of a collector means delivered`, async (t) => {
      const { url } = await startPeer(t, afterRequest((socket) => { socket.write(answerOf(status, {}, CONFIRMATION)) }))
      await followAnother(t, url, { outcome: 'delivered', attempts: 1, status, error: null })
    })
  }

  const others: [title: string, status: number, body: string, type?: string][] = [
    ['204', 204, ''],
    ['200 without a body', 200, ''],
    ['200 with the login page of a hotel', 200, '<html><title>Welcome</title></html>', 'text/html; charset=utf-8'],
    ['200 with {"status":"error"}', 200, '{"status":"error"}'],
    ['200 with "success" as a text', 200, '"success"'],
    ['200 with a list', 200, '[{"status":"success"}]'],
    ['200 with null', 200, 'null'],
    ['201 with a confirmation cut short', 201, '{"status":"success"']
  ]
  for (const [title, status, body, type = 'application/json'] of others) {
    test(`${title} is final and unconfirmed, with one warning`, async (t) => {
      const listener = await startListener(t, (response) => { response.writeHead(status, { 'content-type': type }).end(body) })
      const { receipt, contentType } = await followAnother(t, listener.url, {
        outcome: 'unconfirmed', attempts: 1, status, error: new RegExp(`^answered ${status}, but not as a collector does$`)
      })
      assert.deepEqual([receipt, contentType], [body, type])
      assert.equal(listener.requests.length, 1)
    })
  }

  for (const status of someOf([300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 410, 413, 415], 0, 2, 5, 6, 12)) {
    test(`${status} is final, and no redirect is followed`, async (t) => {
      const elsewhere = await startListener(t)
      const { url } = await startListener(t, (response) => { response.writeHead(status, { location: elsewhere.url }).end('why') })
      const { receipt } = await followAnother(t, url, {
        outcome: 'failed', attempts: 1, status, error: new RegExp(`^the collector answered ${status}$`)
      })
      assert.equal(receipt, 'why')
      assert.equal(elsewhere.connections(), 0)
    })
  }

  for (const status of someOf([408, 425, 429, 500, 502, 503, 504, 599], 0, 1, 2, 3, 7)) {
    test(`${status} is retried, with four attempts in total`, async (t) => {
      const { url, requests } = await startListener(t, (response) => { response.writeHead(status).end() })
      await followAnother(t, url, { outcome: 'failed', attempts: 4, status, error: new RegExp(`answered ${status}$`) })
      assert.equal(requests.length, 4)
    })
  }
})

describe('Retry-After', () => {
  const spacings: [title: string, header: string | string[], waitMs: number[]][] = [
    ['in seconds is obeyed', '7', [7_000, 7_000, 7_000]],
    ['of an hour is obeyed', String(HOUR_S), Array(3).fill(HOUR_S * 1_000)],
    ['over an hour is cut to an hour', String(HOUR_S + 1), Array(3).fill(HOUR_S * 1_000)],
    ['too large for a number is cut to an hour', '9'.repeat(400), Array(3).fill(HOUR_S * 1_000)],
    ['a year in the future is cut to an hour', new Date(Date.now() + YEAR_MS).toUTCString(), Array(3).fill(HOUR_S * 1_000)],
    ['of zero is ignored', '0', BACKOFFS_MS],
    ['below zero is ignored', '-60', BACKOFFS_MS],
    ['in the past is ignored', new Date(Date.now() - YEAR_MS).toUTCString(), BACKOFFS_MS],
    ['with a fraction is ignored', '1.5', BACKOFFS_MS],
    ['that is not a time is ignored', 'as soon as possible', BACKOFFS_MS],
    ['that only ends like a date is ignored', 'never, GMT', BACKOFFS_MS],
    ['without a value is ignored', '', BACKOFFS_MS],
    ['sent twice is ignored', ['7', '9'], BACKOFFS_MS]
  ]
  for (const [title, header, waits] of someOf(spacings, 0, 2, 3, 4, 5, 7, 8, 10, 12)) {
    test(title, async (t) => {
      const { url } = await startListener(t, (response) => { response.setHeader('retry-after', header).writeHead(503).end() })
      await followAnother(t, url, { outcome: 'failed', attempts: 4, status: 503, error: /503/, waits })
    })
  }

  test('as a date is obeyed', async (t) => {
    const until: number[] = []
    const { url } = await startListener(t, (response) => {
      const inAMinute = new Date(Math.ceil(Date.now() / 1_000 + 60) * 1_000)
      until.push(inAMinute.getTime())
      response.writeHead(429, { 'retry-after': inAMinute.toUTCString() }).end()
    })
    await followPing(t, url, { outcome: 'failed', attempts: 4, status: 429, error: /429/, until })
  })
})
