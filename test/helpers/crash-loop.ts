import type { TestContext } from 'node:test'
import type { DatabaseAddress } from '../../src/database/open.js'
import { startListener } from './listener.js'
import { temporaryDirectory } from './platform.js'
import { prepareHome, startProcess } from './process.js'

export const SECOND_MS = 1_000
export const HOUR_MS = 3_600_000

/**
 * A platform that is killed repeatedly. Its clock stands at a given time, and jumps over the wait for the boot ping.
 *
 * @returns a function that starts it at a time, and kills it once its boot ping has arrived or was held back; resolves
 *   to whether one arrived
 */
export async function prepareCrashes (t: TestContext, address: DatabaseAddress): Promise<(moment: number) => Promise<boolean>> {
  const listener = await startListener(t)
  const db = address.type === 'sqlite' ? address : { ...address, ssl: undefined }
  const home = await prepareHome(t, { db, telemetry: { url: listener.url } }, true, temporaryDirectory(t))
  return async (moment) => {
    const before = listener.requests.length
    const { log, stop } = await startProcess(t, home, { CLOCK_SET_TO: String(moment), CLOCK_JUMPS: '1' })
    await log.find(/^(Telemetry was sent|The boot ping was claimed .+ ten within the hour)/)
    await stop('SIGKILL')
    return listener.requests.length > before
  }
}
