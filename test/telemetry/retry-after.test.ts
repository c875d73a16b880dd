import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { BOOT_MS, startClock } from '../helpers/follow-ping.js'
import { CONFIRMATION, startListener } from '../helpers/listener.js'
import { pinDaily } from '../helpers/pin-daily.js'
import { buildPlatform, temporaryDirectory } from '../helpers/platform.js'
import { isOver, pingWhen } from '../helpers/start-ping.js'
import { watchWaits } from '../helpers/watch-waits.js'

const ASKED_MS = 600_000

test('a restarted platform sends nothing before the time that the collector asked for', async (t) => {
  startClock()
  pinDaily(t, Date.now() - 60_000)
  const waits = watchWaits(t)
  const listener = await startListener(t, (response) => {
    if (listener.requests.length > 1) response.end(CONFIRMATION)
    else response.writeHead(503, { 'retry-after': String(ASKED_MS / 1_000) }).end()
  })
  const options = { telemetry: { url: listener.url }, home: temporaryDirectory(t) }
  const first = await buildPlatform(t, options)
  mock.timers.tick(BOOT_MS)
  const { nextAttemptAt } = await pingWhen(first, ({ attempts }) => attempts === 1)
  await waits.nth(1)
  await first.app.close()
  mock.timers.tick(60_000)

  const second = await buildPlatform(t, options)
  mock.timers.tick(BOOT_MS)
  const { begun, milliseconds } = await waits.nth(2)
  assert.equal(begun + milliseconds, nextAttemptAt!.getTime())
  const waiting = await pingWhen(second, ({ attempts }) => attempts === 0)
  assert.deepEqual([waiting.outcome, waiting.nextAttemptAt], ['pending', nextAttemptAt])
  mock.timers.tick(milliseconds - 1)
  assert.equal((await second.app.inject('/health')).statusCode, 200)
  assert.equal(listener.requests.length, 1)
  mock.timers.tick(1)
  const { outcome, attempts } = await pingWhen(second, isOver)
  assert.deepEqual([outcome, attempts, listener.requests.length], ['delivered', 1, 2])
})
