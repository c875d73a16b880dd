import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { LoggedPing } from '../../src/telemetry/index.js'
import { BOOT_MS } from './follow-ping.js'
import { buildPlatform, type Platform } from './platform.js'
import { watchWaits } from './watch-waits.js'

const LIMIT_MS = 15_000

/** Waits until the newest ping of the log matches. */
export async function pingWhen ({ app }: Platform, wanted: (ping: LoggedPing) => boolean): Promise<LoggedPing> {
  const latest = performance.now() + LIMIT_MS
  for (;;) {
    const [ping] = await app.telemetry.pings()
    if (ping && wanted(ping)) return ping
    assert.ok(performance.now() < latest, `the newest ping did not become what is expected: ${JSON.stringify(ping)}`)
  }
}

export const isOver = ({ outcome }: LoggedPing) => outcome !== 'pending'

/** Starts a platform and its boot ping on a mocked clock; `passWait` advances it over the wait after an attempt. */
export async function startPing (t: TestContext, url: string) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const waits = watchWaits(t)
  const platform = await buildPlatform(t, { telemetry: { url } })
  t.mock.timers.tick(BOOT_MS)
  return {
    platform,
    waits,
    async passWait (attempt: number) {
      const { milliseconds } = await waits.nth(attempt)
      t.mock.timers.tick(milliseconds)
    }
  }
}
