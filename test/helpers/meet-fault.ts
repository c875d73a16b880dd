import assert from 'node:assert/strict'
import { after, before, mock, type TestContext } from 'node:test'
import type { Sequelize } from 'sequelize'
import type { DatabaseAddress } from '../../src/database/open.js'
import { migrate } from '../../src/telemetry/store/migrations.js'
import { BOOT_MS, startClock } from './follow-ping.js'
import { startListener } from './listener.js'
import { pinDaily } from './pin-daily.js'
import { buildPlatform, WARN } from './platform.js'

const BEAT_MS = 10

export const HOUR_MS = 3_600_000

export interface Fault {
  strike: (db: Sequelize) => Promise<unknown>
  mend: (db: Sequelize) => Promise<unknown>
}

/** For a whole file: the test moves the clock by hours, and this lets it go on in between. */
export function letClockRun (): void {
  let beat: NodeJS.Timeout
  before(() => {
    startClock()
    beat = setInterval(() => { mock.timers.tick(BEAT_MS) }, BEAT_MS)
  })
  after(() => { clearInterval(beat) })
}

/**
 * Lets the fault strike before the boot ping, and mends it before the daily one.
 *
 * @param hasTables whether telemetry has made its tables before; else the fault meets it while it makes them
 */
export async function meetFault (
  t: TestContext, db: DatabaseAddress, { strike, mend }: Fault, { hasTables = true } = {}
): Promise<void> {
  pinDaily(t, Date.now() + HOUR_MS)
  const listener = await startListener(t)
  const { app, log } = await buildPlatform(t, { telemetry: { url: listener.url }, config: { db } })
  // What the platform says of telemetry at its start is not to meet the fault, too.
  await log.find(/^Telemetry is on/)
  if (hasTables) await migrate(app.db.sequelize)
  const pastLog = t.mock.method(process.stderr, 'write')
  await finishConnecting(app.db.sequelize)
  await strike(app.db.sequelize)
  mock.timers.tick(BOOT_MS)
  await log.find(/could not be sent/)
  assert.equal((await app.inject('/health')).statusCode, 200)
  assert.equal(listener.connections(), 0)
  assert.equal(log.atLeast(WARN).length, 1)
  await mend(app.db.sequelize)
  await finishConnecting(app.db.sequelize)
  log.lines.length = 0
  mock.timers.tick(HOUR_MS)
  assert.match((await log.find(/^Telemetry was sent|could not be sent/)).msg, /was sent/)
  assert.deepEqual((await app.telemetry.pings()).map(({ kind }) => kind), ['daily'])
  assert.equal(log.atLeast(WARN).length, 0)
  assert.deepEqual(pastLog.mock.calls.map(({ arguments: [text] }) => text), [])
  assert.deepEqual(connectionsOf(app.db.sequelize), ['default'])
}

/** A jump of the clock would end a connection to PostgreSQL that is being made: it waits 5 seconds at most. */
async function finishConnecting (db: Sequelize): Promise<void> {
  if (db.getDialect() !== 'postgres') return
  // One that the fault has ended fails, and is replaced.
  await Promise.allSettled(Array.from({ length: 5 }, () => db.query('SELECT pg_sleep(0.05)')))
}

/** Of a SQLite file each transaction has a connection of its own; a PostgreSQL counts them itself. */
function connectionsOf (db: Sequelize): string[] {
  const { connectionManager } = db as unknown as { connectionManager: { connections?: object } }
  return Object.keys(connectionManager.connections ?? { default: '' })
}
