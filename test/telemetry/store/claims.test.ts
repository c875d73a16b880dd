import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { openDatabase, type DatabaseAddress } from '../../../src/database/open.js'
import { claimPing } from '../../../src/telemetry/store/claims.js'
import { migrate } from '../../../src/telemetry/store/migrations.js'
import { PingLog } from '../../../src/telemetry/store/ping-log.js'
import { describeOnBoth } from '../../helpers/databases.js'

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

  const daily: [title: string, at: string, won: boolean][] = [
    ['later on the same day', '2026-03-01T23:59:59Z', false],
    ['earlier on the same day, after the clock was set back', '2026-03-01T00:00:00Z', false],
    ['seconds before midnight of the previous day, by a slow clock', '2026-02-28T23:59:58Z', false],
    ['on the next day', '2026-03-02T00:00:00Z', true],
    ['a year earlier, after the clock was corrected', '2025-03-01T12:00:00Z', true]
  ]
  for (const [title, at, won] of daily) {
    test(`of the daily ping is ${won ? 'won' : 'lost'} again ${title}`, async (t) => {
      const claim = await openClaims(t, await create())
      assert.equal(await claim('daily', new Date('2026-03-01T00:00:01Z')), true)
      assert.equal(await claim('daily', new Date(at)), won)
    })
  }

  const boot: [title: string, at: string, won: boolean][] = [
    ['30 seconds later', '2026-03-01T12:00:30.000Z', false],
    ['more than 30 seconds later', '2026-03-01T12:00:30.001Z', true]
  ]
  for (const [title, at, won] of boot) {
    test(`of the boot ping is ${won ? 'won' : 'lost'} again ${title}`, async (t) => {
      const claim = await openClaims(t, await create())
      assert.equal(await claim('boot', new Date('2026-03-01T12:00:00Z')), true)
      assert.equal(await claim('boot', new Date(at)), won)
    })
  }
})

describeOnBoth('boot pings', (create) => {
  const START = Date.parse('2026-03-01T12:00:00Z')

  /** Records a boot ping 30 seconds after each start, spaced as given; returns the seconds of those that are sent. */
  async function restart (t: TestContext, address: DatabaseAddress, spacingS: number, seconds: number): Promise<number[]> {
    const sequelize = await openDatabase(address)
    t.after(() => sequelize.close())
    const log = new PingLog(sequelize)
    const sent: number[] = []
    for (let second = 30; second <= seconds; second += spacingS) {
      const ping = { kind: 'boot', sentAt: new Date(START + second * 1_000), url: 'http://127.0.0.1:1/', body: '{}' } as const
      if (await log.record({ ...ping, idempotencyKey: String(second) })) sent.push(second)
    }
    return sent
  }

  test('of a platform that is killed and restarted every 35 seconds are limited to ten an hour', async (t) => {
    const sent = await restart(t, await create(), 35, 2 * 3_600)
    const first = Array.from({ length: 10 }, (_, number) => 30 + number * 35)
    assert.deepEqual(sent.slice(0, 10), first)
    for (const second of sent) assert.ok(sent.filter((other) => other > second - 3_600 && other <= second).length <= 10)
    // Another one may be sent as soon as one is an hour old.
    assert.equal(sent.length, 20)
    assert.equal(sent[10], 30 + 103 * 35)
  })

  test('of a platform that is started three times within a minute are all sent', async (t) => {
    assert.deepEqual(await restart(t, await create(), 30.125, 91), [30, 60.125, 90.25])
  })
})
