import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import type { TestContext } from 'node:test'

const SECONDS_A_DAY = 86_400

/**
 * Until the test ends, every platform that starts uses the second of the day (UTC) of this time for its daily ping.
 *
 * @param moment in milliseconds, or a function that returns it when the platform starts
 */
export function pinDaily (t: TestContext, moment: number | (() => number)): void {
  const tell = typeof moment === 'function' ? moment : () => moment
  const picked = t.mock.method(crypto, 'randomInt', () => Math.floor(tell() / 1_000) % SECONDS_A_DAY)
  syncBuiltinESMExports()
  t.after(() => {
    picked.mock.restore()
    syncBuiltinESMExports()
  })
}
