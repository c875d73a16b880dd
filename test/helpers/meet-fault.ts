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

const HOUR_MS = 3_600_000

export interface Fault {
  strike: (db: Sequelize) => Promise<unknown>
  mend: (db: Sequelize) => Promise<unknown>
}

/** Keeps the mocked clock of a whole file running between the jumps of its tests. */
export function letClockRun (): void {
  let beat: NodeJS.Timeout
  before(() => {
    startClock()
    beat = setInterval(() => { mock.timers.tick(BEAT_MS) }, BEAT_MS)
  })
  after(() => { clearInterval(beat) })
}

/**
 * Causes the fault before the boot ping, and repairs it before the daily one.
 *
 * @param hasTables whether telemetry has created its tables before; else the fault occurs while it creates them
 */
export async function meetFault (
  t: TestContext, db: DatabaseAddress, { strike, mend }: Fault, { hasTables = true } = {}
): Promise<void> {
  pinDaily(t, Date.now() + HOUR_MS)
  const listener = await startListener(t)
  const { app, log } = await buildPlatform(t, { telemetry: { url: listener.url }, config: { db } })
  // Wait for the first log line about telemetry, so that the fault does not affect the start.
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

/** A jump of the clock would end a pending connection to PostgreSQL, which has a limit of 5 seconds. */
async function finishConnecting (db: Sequelize): Promise<void> {
  if (db.getDialect() !== 'postgres') return
  // A connection that the fault has ended fails, and is replaced.
  await Promise.allSettled(Array.from({ length: 5 }, () => db.query('SELECT pg_sleep(0.05)')))
}

/** On SQLite each transaction has its own connection; PostgreSQL counts connections itself. */
function connectionsOf (db: Sequelize): string[] {
  const { connectionManager } = db as unknown as { connectionManager: { connections?: object } }
  return Object.keys(connectionManager.connections ?? { default: '' })
}
