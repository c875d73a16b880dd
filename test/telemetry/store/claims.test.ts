import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test, type TestContext } from 'node:test'
import type { Sequelize } from 'sequelize'
import { openDatabase, type DatabaseAddress } from '../../../src/database/open.js'
import { claimPing } from '../../../src/telemetry/store/claims.js'
import { migrate } from '../../../src/telemetry/store/migrations.js'
import { PingLog } from '../../../src/telemetry/store/ping-log.js'
import { describeOnBoth } from '../../helpers/databases.js'
import { inSoak } from '../../helpers/soak.js'

async function openClaims (t: TestContext, address: DatabaseAddress) {
  const sequelize = await openDatabase(address)
  t.after(() => sequelize.close())
  await migrate(sequelize)
  return (kind: 'boot' | 'daily', now: Date) => claimPing(sequelize, kind, now, null)
}

describeOnBoth('a claim', (create) => {
  test('is won by one of five concurrent replicas', async (t) => {
    const address = await create()
    const replicas = [await openClaims(t, address)]
    while (replicas.length < 5) replicas.push(await openClaims(t, address))
    for (const kind of ['boot', 'daily'] as const) {
      const won = await Promise.all(replicas.map((claim) => claim(kind, new Date('2026-03-01T12:00:00Z'))))
      assert.equal(won.filter(Boolean).length, 1)
    }
  })

  describe('on one database', () => { testTimes(create) })
})

function testTimes (create: () => Promise<DatabaseAddress>): void {
  let sequelize: Sequelize
  before(async () => {
    sequelize = await openDatabase(await create())
    await migrate(sequelize)
  })
  beforeEach(() => sequelize.query('UPDATE "TelemetryClaims" SET "claimedAt" = \'1970-01-01 00:00:00.000 +00:00\''))
  after(() => sequelize.close())
  const claim = (kind: 'boot' | 'daily', moment: string) => claimPing(sequelize, kind, new Date(moment), null)

  const daily: [title: string, at: string, won: boolean][] = [
    ['later on the same day', '2026-03-01T23:59:59Z', false],
    ['earlier on the same day, after the clock was set back', '2026-03-01T00:00:00Z', false],
    ['seconds before midnight of the previous day, by a slow clock', '2026-02-28T23:59:58Z', false],
    ['on the next day', '2026-03-02T00:00:00Z', true],
    ['a year earlier, after the clock was corrected', '2025-03-01T12:00:00Z', true]
  ]
  for (const [title, at, won] of daily) {
    test(`of the daily ping is ${won ? 'won' : 'lost'} again ${title}`, async () => {
      assert.equal(await claim('daily', '2026-03-01T00:00:01Z'), true)
      assert.equal(await claim('daily', at), won)
    })
  }

  const boot: [title: string, at: string, won: boolean][] = [
    ['30 seconds later', '2026-03-01T12:00:30.000Z', false],
    ['more than 30 seconds later', '2026-03-01T12:00:30.001Z', true]
  ]
  for (const [title, at, won] of boot) {
    test(`of the boot ping is ${won ? 'won' : 'lost'} again ${title}`, async () => {
      assert.equal(await claim('boot', '2026-03-01T12:00:00Z'), true)
      assert.equal(await claim('boot', at), won)
    })
  }
}

describeOnBoth('boot pings', (create) => {
  const START = Date.parse('2026-03-01T12:00:00Z')

  /** Records a boot ping 30 seconds after each start; returns the starts, in seconds, whose pings are sent. */
  async function restart (t: TestContext, address: DatabaseAddress, starts: number[]): Promise<number[]> {
    const sequelize = await openDatabase(address)
    t.after(() => sequelize.close())
    const log = new PingLog(sequelize)
    const sent: number[] = []
    for (const start of starts) {
      const sentAt = new Date(START + (start + 30) * 1_000)
      const ping = { kind: 'boot', sentAt, url: 'http://127.0.0.1:1/', body: '{}' } as const
      if (await log.record({ ...ping, idempotencyKey: String(start) })) sent.push(start)
    }
    return sent
  }

  test('of a platform that is killed and restarted every 35 seconds are limited to ten an hour', async (t) => {
    const all = Array.from({ length: 205 }, (_, number) => number * 35)
    // One that is not sent changes nothing, so that most of those can be left out.
    const starts = inSoak(all, [...all.slice(0, 12), ...all.slice(101, 115)])
    // Another one may be sent as soon as one is an hour old.
    assert.deepEqual(await restart(t, await create(), starts), [...all.slice(0, 10), ...all.slice(103, 113)])
  })

  test('of a platform that is started three times within a minute are all sent', async (t) => {
    assert.deepEqual(await restart(t, await create(), [0, 30.125, 60.25]), [0, 30.125, 60.25])
  })
})
