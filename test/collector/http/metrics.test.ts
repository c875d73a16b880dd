import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY } from '../../../src/collector/day.js'
import { describeOnBoth } from '../both-databases.js'
import { PING, startCollector } from '../start-collector.js'

const TOKEN = 'the-token-of-the-tests'
const NOW = 20_780 * DAY + DAY / 2

describeOnBoth('/metrics', (create) => {
  test('has pings by status and cause, latency, batches, the queue and the age of the figures', async (t) => {
    let now = NOW
    const { app, url, post } = await startCollector(t, await create(t), { reportToken: TOKEN }, { now: () => now })
    await post(PING)
    await post({ ...PING, os: 1 })
    now += DAY
    await app.maintain()
    const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
    const text = await response.text()
    for (const line of [
      'collector_pings_total{status="200",cause="stored"} 1',
      'collector_pings_total{status="400",cause="invalid"} 1',
      'collector_ping_seconds_count 2',
      'collector_batch_pings_count 1',
      'collector_waiting_pings 0',
      `collector_figures_age_seconds ${DAY / 2000}`
    ]) assert.ok(text.includes(`${line}\n`), line)
    assert.doesNotMatch(text, /127\.0\.0\.1|5db51f99/)
  })

  test('requires the token', async (t) => {
    const { url } = await startCollector(t, await create(t), { reportToken: TOKEN })
    assert.equal((await fetch(`${url}/metrics`)).status, 401)
    const closed = await startCollector(t, await create(t))
    assert.equal((await fetch(`${closed.url}/metrics`)).status, 404)
  })
})
