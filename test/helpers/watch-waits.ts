import { EventEmitter, once } from 'node:events'
import type { TestContext } from 'node:test'
import timers from 'node:timers/promises'
import { within } from './within.js'

const LIMIT_MS = 15_000

export interface Wait {
  /** When it started, by the clock of the test. */
  begun: number
  milliseconds: number
}

/**
 * Reports the waits between attempts from now on, each when it starts; `mock.timers` must be enabled. Waits differ from
 * other timers in the signal that can cancel them.
 */
export function watchWaits (t: TestContext): { nth: (number: number) => Promise<Wait> } {
  const waits: Wait[] = []
  const begins = new EventEmitter()
  const wait = timers.setTimeout
  t.mock.method(timers, 'setTimeout', (milliseconds: number, value: undefined, options: { signal?: AbortSignal }) => {
    if (options.signal) waits.push({ begun: Date.now(), milliseconds })
    begins.emit('wait')
    return wait(milliseconds, value, options)
  })
  return {
    async nth (number) {
      while (waits.length < number) await within(`wait ${number} between attempts`, once(begins, 'wait'), LIMIT_MS)
      return waits[number - 1]!
    }
  }
}
