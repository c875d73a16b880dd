import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, mock, test, type TestContext } from 'node:test'
import timers from 'node:timers/promises'
import { QueryTypes } from 'sequelize'
import { openDatabase } from '../../src/database/open.js'
import { migrate } from '../../src/telemetry/store/migrations.js'
import { PingLog } from '../../src/telemetry/store/ping-log.js'
import type { LoggedPing } from '../../src/telemetry/types.js'
import { CONFIRMATION, startListener } from '../helpers/listener.js'
import { startSilent, steps, type Scene, type Step } from '../helpers/ping-steps.js'
import { startPostgres, type Postgres, type PostgresAddress } from '../helpers/postgres.js'
import { prepareHome, startProcess } from '../helpers/process.js'
import { someOf } from '../helpers/soak.js'
import { within } from '../helpers/within.js'

const HOUR_MS = 3_600_000
const SPEED = 30
const SLEEP_MS = 8_000

/** In each scene the first two pings are held, and the third is not. */
const HELD = 2

/** Only the boot ping is sent: the daily one is due twelve hours later. */
const FAST = { CLOCK_SPEED: String(SPEED), DAILY_IN: '43200' }

describe('a platform', { concurrency: 4 }, () => {
  let postgres: Postgres
  before(async () => { postgres = await startPostgres() })
  after(() => postgres.stop())

  for (const step of someOf(steps, 1, 4)) {
    test(`stopped ${step.title} exits in time; killed there, it leaves no claim without a record`, async (t) => {
      const scene = await setScene(t, step)
      const { ssl, ...db } = scene.address
      const home = await prepareHome(t, { db, telemetry: { url: step.urlIn(scene) } })
      // Create the tables first, so that they can be locked.
      await openLog(t, scene.address)
      let hours = 0
      // The processes' clocks run faster than this one: start each later than any time the earlier ones have seen.
      const start = () => startProcess(t, home, { ...FAST, CLOCK_SET_TO: String(Date.now() + hours++ * HOUR_MS) })

      const first = await start()
      const release = await step.hold(scene, first)
      assert.equal(await first.stop('SIGTERM'), 0)
      await release()

      const second = await start()
      const releaseAgain = await step.hold(scene, second)
      await second.stop('SIGKILL')
      await releaseAgain()
      assert.equal(await isClaimed(t, scene.address), step.isRecorded)

      const before = scene.listener.requests.length
      rewrite(home, step.urlIn(scene), scene.listener.url)
      const third = await start()
      await third.log.find(/^Telemetry was sent/)
      assert.equal(await third.stop(), 0)
      assert.equal(scene.listener.requests.length, before + 1)
      const outcomes = (await readLog(t, scene.address)).map(({ outcome }) => outcome)
      assert.deepEqual(outcomes, step.isRecorded ? ['delivered', 'interrupted', 'cancelled'] : ['delivered'])
    })
  }

  test('suspended at its daily time sends the ping when it wakes up', async (t) => {
    const listener = await startListener(t)
    const home = await prepareHome(t, { telemetry: { url: listener.url } })
    const { child } = await startProcess(t, home, { DAILY_IN: String(SLEEP_MS / 2_000) })
    child.kill('SIGSTOP')
    // A suspended process cannot report anything to wait for.
    await timers.setTimeout(SLEEP_MS)
    assert.equal(listener.connections(), 0)
    child.kill('SIGCONT')
    // Long before the boot ping is due, which would be mistaken for the daily one.
    await within('the late ping', listener.next(), SLEEP_MS)
  })

  async function setScene (t: TestContext, { answer }: Step): Promise<Scene> {
    const listener = await startListener(t, (response) => {
      if (answer && listener.requests.length <= HELD) answer(response)
      else response.end(CONFIRMATION)
    })
    return { address: await postgres.createDatabase(), listener, silent: await startSilent(t) }
  }
})

function rewrite (home: string, from: string, to: string): void {
  const file = join(home, 'flowforge.yml')
  writeFileSync(file, readFileSync(file, 'utf8').replace(from, to))
}

async function openLog (t: TestContext, address: PostgresAddress) {
  const sequelize = await openDatabase(address)
  t.after(() => sequelize.close())
  await migrate(sequelize)
  return new PingLog(sequelize)
}

/** Whether a boot ping was claimed. A claim without a record must not exist. */
async function isClaimed (t: TestContext, address: PostgresAddress): Promise<boolean> {
  const sequelize = await openDatabase(address)
  t.after(() => sequelize.close())
  const [row] = await sequelize.query<{ claimedAt: Date }>(
    'SELECT "claimedAt" FROM "TelemetryClaims" WHERE kind = \'boot\'', { type: QueryTypes.SELECT })
  return row!.claimedAt.getTime() > 0
}

/** The log as reported a day later, when no delivery can be in flight any more. */
async function readLog (t: TestContext, address: PostgresAddress): Promise<LoggedPing[]> {
  const log = await openLog(t, address)
  const { now } = Date
  const later = mock.method(Date, 'now', () => now() + 24 * HOUR_MS)
  const pings = await log.list()
  later.mock.restore()
  return pings
}
