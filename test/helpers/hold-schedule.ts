import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'

const { setTimeout } = globalThis
const { randomInt } = crypto

const BOOT_MS = 30_000
const SECONDS_A_DAY = 86_400

let holds = 0
let held = 0

/**
 * Disables the schedule of a platform that becomes ready before this is released. A test that takes longer than 30
 * seconds, or runs at the wrong second of the day, would otherwise see an unexpected ping. On a mocked clock the boot
 * ping is still sent. The daily ping is due in twelve hours, unless the test sets its time (pin-daily.ts).
 *
 * Returns a function that releases the schedule and returns how many timers were held.
 */
export function holdSchedule (): () => number {
  const before = held
  holds++
  if (globalThis.setTimeout === setTimeout) globalThis.setTimeout = holdLong as typeof setTimeout
  if (crypto.randomInt === randomInt) setRandomInt(pickTwelveHours)
  return () => {
    // Other holds may still be active.
    if (--holds === 0) {
      if (globalThis.setTimeout === holdLong) globalThis.setTimeout = setTimeout
      if (crypto.randomInt === pickTwelveHours) setRandomInt(randomInt)
    }
    return held - before
  }
}

/** Sets a normal timer, but one that never fires if it is as long as those of the schedule. */
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
