import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, test, type TestContext } from 'node:test'
import { openDatabase, type DatabaseAddress } from '../../src/database/open.js'
import { PingLog } from '../../src/telemetry/store/ping-log.js'
import { HOUR_MS, prepareCrashes, SECOND_MS } from '../helpers/crash-loop.js'
import { describeOnBoth, describeOnSqlite } from '../helpers/databases.js'
import { inSoak } from '../helpers/soak.js'

const START = Date.UTC(2026, 10, 23, 12)

/** The ten boot pings of the hour: one for each of these starts, and those that were recorded instead of sent. */
const STARTS = inSoak([0, 31, 62], [0]).map((seconds) => START + seconds * SECOND_MS)
const OTHERS = 10 - STARTS.length

// claims.test.ts counts them on PostgreSQL; here processes are killed.
const describeHere = inSoak(describeOnBoth, describeOnSqlite)

describe('a platform that is killed after each start', { concurrency: true }, () => {
  describeHere('one after the other', (create) => {
    test(`sends one boot ping for each start (${STARTS.length}), ten in an hour, and more after that hour`, async (t) => {
      const address = await create()
      const startAndKill = await prepareCrashes(t, address)
      for (const moment of STARTS) assert.equal(await startAndKill(moment), true)
      await recordBootPings(t, address, OTHERS, START + 3 * 60 * SECOND_MS)
      assert.equal(await startAndKill(START + 15 * 60 * SECOND_MS), false)
      assert.equal(await startAndKill(START + HOUR_MS + SECOND_MS), true)
    })
  })
})

/** Records boot pings 35 seconds apart, as further starts would. The soak test really starts the platform. */
async function recordBootPings (t: TestContext, address: DatabaseAddress, count: number, from: number): Promise<void> {
  const sequelize = await openDatabase(address)
  t.after(() => sequelize.close())
  const log = new PingLog(sequelize)
  for (let each = 0; each < count; each++) {
    const sentAt = new Date(from + each * 35 * SECOND_MS)
    assert.ok(await log.record({ kind: 'boot', sentAt, idempotencyKey: randomUUID(), url: 'http://127.0.0.1/', body: '{}' }))
  }
}
