import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { withRetry } from '../../../src/collector/storage/database.js'

const conflict = Object.assign(new Error('two clients have changed the same row'), { code: '40001' })
const isConflict = (code: string) => code === '40001'

/** Runs a task that fails so often. @returns how often it ran, and its error */
async function runFailing (times: number, error: Error): Promise<[runs: number, error: unknown]> {
  let runs = 0
  const failed = await withRetry(async () => { if (++runs <= times) throw error }, isConflict).catch((thrown: unknown) => thrown)
  return [runs, failed]
}

describe('a transaction', () => {
  test('is repeated after a conflict with another client, at most 50 times in total', async () => {
    assert.deepEqual(await runFailing(0, conflict), [1, undefined])
    assert.deepEqual(await runFailing(49, conflict), [50, undefined])
    assert.deepEqual(await runFailing(50, conflict), [50, conflict])
  })

  test('is not repeated after another error', async () => {
    const full = Object.assign(new Error('No space left on device'), { code: '53100' })
    assert.deepEqual(await runFailing(1, full), [1, full])
  })
})
