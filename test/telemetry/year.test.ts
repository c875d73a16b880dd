import assert from 'node:assert/strict'
import { after, before, mock, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { assertCountReturns, BOOT_MS, countSockets, startClock } from '../helpers/follow-ping.js'
import { startListener } from '../helpers/listener.js'
import { buildPlatform, temporaryDirectory } from '../helpers/platform.js'

const DAYS = Number(process.env.YEAR_DAYS ?? 100)
const KEPT = 100

/** As time really goes, for a ping that needs some hundredths of a second. */
const PATIENCE_MS = 10_000

/** What a day brings, by its number: an outage of the collector, a no, or a restart, in turns that often coincide. */
const isOut = (day: number) => day % 11 === 3
const isOff = (day: number) => day % 13 >= 11
const isRestart = (day: number) => day % 7 === 0

let beat: NodeJS.Timeout
before(() => {
  startClock()
  beat = setInterval(() => { mock.timers.tick(1) }, 1)
})
after(() => { clearInterval(beat) })

test(`${DAYS} days of restarts, outages and opt-outs have exactly the pings that were promised, and leave nothing behind`, async (t) => {
  let day = 0
  const received: string[] = []
  const listener = await startListener(t, (response, { headers }) => {
    received.push(`${day} ${String(headers['idempotency-key'])}`)
    response.writeHead(isOut(day) ? 400 : 200).end()
  })
  const options = { telemetry: { url: listener.url }, home: temporaryDirectory(t) }
  let { app } = await buildPlatform(t, options)
  const expected: number[] = []
  const resources: number[] = []
  let claimed = ''
  for (; day < DAYS; day++) {
    await app.settings.set('telemetry:enabled', !isOff(day))
    if (isRestart(day)) {
      await app.close()
      app = (await buildPlatform(t, options)).app
      mock.timers.tick(BOOT_MS)
      if (!isOff(day)) expected.push(day)
      await settle(app, expected, received)
      resources.push(process.getActiveResourcesInfo().filter((name) => name !== 'Immediate').length)
    }
    mock.timers.tick(app.telemetry.nextDaily()!.getTime() - Date.now())
    const today = new Date().toISOString().slice(0, 10)
    if (!isOff(day) && claimed !== today) {
      expected.push(day)
      claimed = today
    }
    await settle(app, expected, received)
  }
  assert.deepEqual(received.map((line) => Number(line.split(' ')[0])), expected)
  assert.equal(new Set(received).size, expected.length)
  assert.equal((await app.telemetry.pings()).length, Math.min(KEPT, expected.length))
  assert.equal(resources.at(-1), resources[1])
  await app.close()
  await assertCountReturns(countSockets, 0)
  assert.ok(expected.length > DAYS * 0.8)
})

/** Lets the pings that are due be sent, and their ends be written down; where none is due, gives one time to err. */
async function settle (app: FastifyInstance, expected: number[], received: string[]): Promise<void> {
  const latest = performance.now() + PATIENCE_MS
  while (received.length < expected.length) {
    assert.ok(performance.now() < latest, `the ping of day ${expected.at(-1)} never came`)
    await new Promise(setImmediate)
  }
  for (;;) {
    const [ping] = await app.telemetry.pings()
    if (ping?.outcome !== 'pending') return
  }
}
