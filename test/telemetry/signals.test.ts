import assert from 'node:assert/strict'
import timers from 'node:timers/promises'
import { after, before, describe, mock, test, type TestContext } from 'node:test'
import { migrate } from '../../src/lib/migrate.js'
import { openDatabase } from '../../src/lib/open-database.js'
import { migrations } from '../../src/telemetry/migrations.js'
import { createPingLog, type LoggedPing } from '../../src/telemetry/ping-log.js'
import { holdTable } from '../helpers/hold-table.js'
import { startListener, type Listener } from '../helpers/listener.js'
import { startPostgres, type Postgres, type PostgresAddress } from '../helpers/postgres.js'
import { prepareHome, startProcess, type PlatformProcess } from '../helpers/process.js'

const STOP_MS = 5_000
const HOUR_MS = 3_600_000
const SPEED = 10
const SLEEP_MS = 8_000

interface Scene {
  address: PostgresAddress
  listener: Listener
  process: PlatformProcess
}

/** Holds a ping up at one step of its way; resolves, once it is there, to what lets it go. */
type Step = [title: string, hold: (scene: Scene) => Promise<() => Promise<void>>, logged: LoggedPing['outcome'][]]

const atTable = (table: string) => async ({ address }: Scene) => {
  const { reached, release } = await holdTable(address, table)
  await reached()
  return release
}

const steps: Step[] = [
  ['while it counts', atTable('Users'), []],
  ['at the claim', atTable('TelemetryClaims'), []],
  ['before the record', atTable('TelemetryPings'), []],
  ['while it waits for the answer', async ({ listener }) => {
    await listener.next()
    return async () => {}
  }, ['interrupted']],
  ['while it waits for the next attempt', async ({ process }) => {
    await process.log.find(/could not be sent/)
    return async () => {}
  }, ['interrupted']]
]

describe('a platform', { concurrency: 3 }, () => {
  let postgres: Postgres
  before(async () => { postgres = await startPostgres() })
  after(() => postgres.stop())

  for (const [title, hold] of steps.slice(0, 3)) {
    test(`told to stop ${title} stops within five seconds, with exit code 0`, async (t) => {
      const { scene } = await startScene(t, title)
      const release = await hold(scene)
      const told = Date.now()
      assert.equal(await scene.process.stop(), 0)
      assert.ok(Date.now() - told < STOP_MS)
      await release()
      assert.equal(scene.listener.connections(), 0)
    })
  }

  for (const [title, hold, logged] of steps.slice(2)) {
    test(`killed ${title} sends its next ping when it starts again, and the log tells what is known`, async (t) => {
      const { scene, home } = await startScene(t, title)
      const release = await hold(scene)
      await scene.process.stop('SIGKILL')
      await release()
      const before = scene.listener.requests.length
      // Its clock went faster than that of this process.
      await startProcess(t, home, { CLOCK_SPEED: String(SPEED), CLOCK_SET_TO: String(Date.now() + HOUR_MS) })
      while (scene.listener.requests.length === before) await scene.listener.next()
      const [, ...earlier] = await readLog(t, scene.address)
      assert.deepEqual(earlier.map(({ outcome }) => outcome), logged)
    })
  }

  test('suspended over its daily time sends the ping when it wakes up', async (t) => {
    const listener = await startListener(t)
    const home = await prepareHome(t, { telemetry: { url: listener.url } })
    const { child } = await startProcess(t, home, { DAILY_IN: String(SLEEP_MS / 2_000) })
    child.kill('SIGSTOP')
    // Nothing can be awaited of a process that sleeps.
    await timers.setTimeout(SLEEP_MS)
    assert.equal(listener.connections(), 0)
    child.kill('SIGCONT')
    await listener.next()
  })

  async function startScene (t: TestContext, title: string) {
    const listener = await startListener(t, (response) => {
      if (title.includes('attempt')) response.writeHead(503, { 'retry-after': '3600' }).end()
    })
    const { ssl, ...address } = await postgres.createDatabase()
    const home = await prepareHome(t, { db: address, telemetry: { url: listener.url } })
    await openLog(t, { ssl, ...address })
    const process = await startProcess(t, home, { CLOCK_SPEED: String(SPEED) })
    return { home, scene: { address: { ssl, ...address }, listener, process } }
  }
})

async function openLog (t: TestContext, address: PostgresAddress) {
  const sequelize = await openDatabase(address)
  t.after(() => sequelize.close())
  await migrate(sequelize, 'TelemetryMigrations', migrations)
  return createPingLog(sequelize)
}

/** The log as it is told four hours later, when no delivery can be underway any more. */
async function readLog (t: TestContext, address: PostgresAddress): Promise<LoggedPing[]> {
  const log = await openLog(t, address)
  const { now } = Date
  const later = mock.method(Date, 'now', () => now() + 4 * HOUR_MS)
  const pings = await log.list()
  later.mock.restore()
  return pings
}
