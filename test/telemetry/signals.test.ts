import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import timers from 'node:timers/promises'
import { QueryTypes } from 'sequelize'
import { openDatabase } from '../../src/database/open.js'
import { TelemetryService } from '../../src/telemetry/service.js'
import { migrate } from '../../src/telemetry/store/migrations.js'
import { CONFIRMATION, startListener } from '../helpers/listener.js'
import { startSilent, steps, type Scene, type Step } from '../helpers/ping-steps.js'
import { buildPlatform } from '../helpers/platform.js'
import { startPostgres, type Postgres, type PostgresAddress } from '../helpers/postgres.js'
import { prepareHome, startProcess } from '../helpers/process.js'
import { isSoak, someOf } from '../helpers/soak.js'
import { within } from '../helpers/within.js'

const DAY_MS = 24 * 3_600_000
/** The boot ping is due after one second: enough to hold it before. */
const SPEED = 30
/** The daily ping is due this long after the schedule has begun, rounded down to a second. */
const DUE_S = 2
const SLEEP_MS = DUE_S * 1_000
const LATE_MS = 8_000

/** Only the boot ping is sent: the daily one is due twelve hours later. */
const FAST = { CLOCK_SPEED: String(SPEED), DAILY_IN: '43200' }

describe('a platform', { concurrency: 4 }, () => {
  let postgres: Postgres
  before(async () => { postgres = await startPostgres() })
  after(() => postgres.stop())

  for (const step of someOf(steps, 1, 4)) {
    test(`stopped ${step.title} exits in time; killed there, it leaves no claim without a record`, async (t) => {
      // server.test.ts shows the stop for a ping that waits for its answer.
      const isStopped = isSoak || !step.isRecorded
      const scene = await setScene(t, step, isStopped ? 2 : 1)
      const { ssl, ...db } = scene.address
      const home = await prepareHome(t, { db, telemetry: { url: step.urlIn(scene) } })
      // Create the tables first, so that they can be locked.
      await createTables(t, scene.address)
      // A day apart: the clocks run fast, and a killed process must not seem to work on its ping any more.
      const start = (day: number) => startProcess(t, home, { ...FAST, CLOCK_SET_TO: String(Date.now() + day * DAY_MS) })

      if (isStopped) {
        const first = await start(-2)
        const release = await step.hold(scene, first)
        assert.equal(await first.stop('SIGTERM'), 0)
        await release()
      }

      const second = await start(-1)
      const releaseAgain = await step.hold(scene, second)
      await second.stop('SIGKILL')
      await releaseAgain()
      assert.equal(await isClaimed(t, scene.address), step.isRecorded)

      const before = scene.listener.requests.length
      // The next start needs no process.
      const { app } = await buildPlatform(t, { telemetry: { url: scene.listener.url }, config: { db: scene.address } })
      const { config, settings, db: platformDb, log } = app
      await new TelemetryService({ config, settings, db: platformDb, log }).sendOnSchedule('boot')
      assert.equal(scene.listener.requests.length, before + 1)
      const outcomes = (await app.telemetry.pings()).map(({ outcome }) => outcome)
      assert.deepEqual(outcomes, step.isRecorded ? ['delivered', 'interrupted', ...isStopped ? ['cancelled'] : []] : ['delivered'])
    })
  }

  test('suspended at its daily time sends the ping when it wakes up', async (t) => {
    const listener = await startListener(t)
    const home = await prepareHome(t, { telemetry: { url: listener.url } })
    const { child } = await startProcess(t, home, { DAILY_IN: String(DUE_S) })
    child.kill('SIGSTOP')
    // A suspended process cannot report anything to wait for.
    await timers.setTimeout(SLEEP_MS)
    assert.equal(listener.connections(), 0)
    child.kill('SIGCONT')
    // Long before the boot ping is due, which would be mistaken for the daily one.
    await within('the late ping', listener.next(), LATE_MS)
  })

  /** @param held how many pings are held before one is not */
  async function setScene (t: TestContext, { answer }: Step, held: number): Promise<Scene> {
    const listener = await startListener(t, (response) => {
      if (answer && listener.requests.length <= held) answer(response)
      else response.end(CONFIRMATION)
    })
    return { address: await postgres.createDatabase(), listener, silent: await startSilent(t) }
  }
})

async function createTables (t: TestContext, address: PostgresAddress): Promise<void> {
  const sequelize = await openDatabase(address)
  t.after(() => sequelize.close())
  await migrate(sequelize)
}

/** Whether a boot ping was claimed. A claim without a record must not exist. */
async function isClaimed (t: TestContext, address: PostgresAddress): Promise<boolean> {
  const sequelize = await openDatabase(address)
  t.after(() => sequelize.close())
  const [row] = await sequelize.query<{ claimedAt: Date }>(
    'SELECT "claimedAt" FROM "TelemetryClaims" WHERE kind = \'boot\'', { type: QueryTypes.SELECT })
  return row!.claimedAt.getTime() > 0
}
