import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HOUR_MS, prepareCrashes, SECOND_MS } from '../helpers/crash-loop.js'
import { describeOnBoth } from '../helpers/databases.js'

/** A platform that is killed after its boot ping, and restarted. */
const EVERY_MS = 35 * SECOND_MS

describe('a platform killed and restarted every 35 seconds for an hour of its clock', { concurrency: true }, () => {
  describeOnBoth('again and again', (create) => {
    test('sends ten boot pings', async (t) => {
      const startAndKill = await prepareCrashes(t, await create())
      const sent: number[] = []
      for (let passed = 0; passed < HOUR_MS; passed += EVERY_MS) if (await startAndKill(Date.UTC(2026, 10, 23) + passed)) sent.push(passed)
      assert.deepEqual(sent, Array.from({ length: 10 }, (_, start) => start * EVERY_MS))
    })
  })
})
