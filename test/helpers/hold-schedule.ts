import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'

const { setTimeout } = globalThis
const { randomInt } = crypto

const BOOT_MS = 30_000
const SECONDS_A_DAY = 86_400

let holds = 0
let held = 0

/**
 * A platform that becomes ready before this is released sends no ping by itself while its test runs: a test that takes
 * longer than 30 seconds, or that runs at the wrong second of the day, would see one that it does not expect. On a clock
 * that the test moves the boot ping leaves as ever. In any case the daily ping is due in twelve hours, if the test has
 * not said when (pin-daily.ts).
 *
 * Returns what releases it; that returns how many timers were held.
 */
export function holdSchedule (): () => number {
  const before = held
  holds++
  if (globalThis.setTimeout === setTimeout) globalThis.setTimeout = holdLong as typeof setTimeout
  if (crypto.randomInt === randomInt) setRandomInt(pickTwelveHours)
  return () => {
    // Others may hold theirs still.
    if (--holds === 0) {
      if (globalThis.setTimeout === holdLong) globalThis.setTimeout = setTimeout
      if (crypto.randomInt === pickTwelveHours) setRandomInt(randomInt)
    }
    return held - before
  }
}

/** Makes a timer as ever, and one that never ends of those that are as long as the schedule's. */
function holdLong (act: () => void, milliseconds = 0, ...args: []): NodeJS.Timeout {
  const timer = setTimeout(act, milliseconds, ...args)
  if (milliseconds < BOOT_MS) return timer
  held++
  clearTimeout(timer)
  return timer
}

const pickTwelveHours = (() => Math.floor(Date.now() / 1_000 + SECONDS_A_DAY / 2) % SECONDS_A_DAY) as typeof randomInt

function setRandomInt (pick: typeof randomInt): void {
  crypto.randomInt = pick
  syncBuiltinESMExports()
}
