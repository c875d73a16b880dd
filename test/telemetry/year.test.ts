import assert from 'node:assert/strict'
import { after, before, mock, test } from 'node:test'
import { assertCountReturns, BOOT_MS, countSockets, startClock } from '../helpers/follow-ping.js'
import { CONFIRMATION, startListener } from '../helpers/listener.js'
import { buildPlatform, temporaryDirectory, type Platform } from '../helpers/platform.js'
import { inSoak } from '../helpers/soak.js'

const DAYS = inSoak(365, 15)
const KEPT = 100

/** The real timer, for a ping that takes some hundredths of a second. */
const PATIENCE_MS = 10_000

const DEBUG = 20

/** The events of a day by its number: a collector outage, an opt-out or a restart, which often coincide. */
const isOut = (day: number) => day % 11 === 3
const isOff = (day: number) => day % 13 >= 11
const isRestart = (day: number) => day % 7 === 0

let beat: NodeJS.Timeout
before(() => {
  startClock()
  beat = setInterval(() => { mock.timers.tick(1) }, 1)
})
after(() => { clearInterval(beat) })

test(`${DAYS} days of restarts, outages and opt-outs send exactly the promised pings and leak nothing`, async (t) => {
  let day = 0
  const received: string[] = []
  const listener = await startListener(t, (response, { headers }) => {
    received.push(`${day} ${String(headers['idempotency-key'])}`)
    response.writeHead(isOut(day) ? 400 : 200).end(CONFIRMATION)
  })
  const options = { telemetry: { url: listener.url }, home: temporaryDirectory(t) }
  let platform = await buildPlatform(t, options)
  let runs = 0
  const expected: number[] = []
  const resources: number[] = []
  let claimed = ''
  for (; day < DAYS; day++) {
    await platform.app.settings.set('telemetry:enabled', !isOff(day))
    if (isRestart(day)) {
      await platform.app.close()
      platform = await buildPlatform(t, options)
      mock.timers.tick(BOOT_MS)
      if (!isOff(day)) expected.push(day)
      await settle(platform, runs = 1)
      resources.push(process.getActiveResourcesInfo().filter((name) => name !== 'Immediate').length)
    }
    mock.timers.tick(platform.app.telemetry.nextDaily()!.getTime() - Date.now())
    const today = new Date().toISOString().slice(0, 10)
    if (!isOff(day) && claimed !== today) {
      expected.push(day)
      claimed = today
    }
    await settle(platform, ++runs)
  }
  assert.deepEqual(received.map((line) => Number(line.split(' ')[0])), expected)
  assert.equal(new Set(received).size, expected.length)
  assert.equal((await platform.app.telemetry.pings()).length, Math.min(KEPT, expected.length))
  assert.equal(resources.at(-1), resources[1])
  await platform.app.close()
  await assertCountReturns(countSockets, 0)
  assert.ok(expected.length > DAYS * 0.8)
})

/** Each run of the schedule ends with one of these log lines: refused, already claimed, or posted and answered. */
const END_OF_RUN = /^(Telemetry is off|The \w+ ping was claimed|Telemetry was sent|Telemetry could not be sent)/

/**
 * Waits until every run of the schedule since the start has ended, including runs that send nothing: such a run would
 * send if telemetry were turned on before the run has read that it is off.
 */
async function settle ({ app, log }: Platform, runs: number): Promise<void> {
  const latest = performance.now() + PATIENCE_MS
  const ended = () => log.lines.filter(({ level, msg }) => END_OF_RUN.test(msg) && !isBootLine(level, msg)).length
  while (ended() < runs) {
    assert.ok(performance.now() < latest, `only ${ended()} of ${runs} runs have ended`)
    await new Promise(setImmediate)
  }
  for (;;) {
    const [ping] = await app.telemetry.pings()
    if (ping?.outcome !== 'pending') return
  }
}

/** The line at the start that says whether telemetry is on. A refused run logs at `debug`. */
const isBootLine = (level: number, msg: string) => level > DEBUG && msg.startsWith('Telemetry is off')
