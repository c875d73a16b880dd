import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import type { TestContext } from 'node:test'

const SECONDS_A_DAY = 86_400

/** Until the test ends, every platform that starts picks this moment's second of the day (UTC) for its daily ping. */
export function pinDaily (t: TestContext, moment: number): void {
  const picked = t.mock.method(crypto, 'randomInt', () => Math.floor(moment / 1_000) % SECONDS_A_DAY)
  syncBuiltinESMExports()
  t.after(() => {
    picked.mock.restore()
    syncBuiltinESMExports()
  })
}
