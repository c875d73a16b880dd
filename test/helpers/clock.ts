/**
 * Loaded before a platform: changes the clock of its process by these variables.
 *
 * CLOCK_SET_TO: its time at the start, in milliseconds since 1970; CLOCK_SPEED: the factor by which it runs faster,
 * with the wait for the boot ping and timers of a minute or more (shorter ones guard real work, which is not faster);
 * CLOCK_JUMPS: it stands still except for a jump over the wait for the boot ping; DAILY_IN: the seconds from the start
 * until the daily ping is due.
 */
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers/promises'

const { CLOCK_SET_TO, CLOCK_SPEED = '1', CLOCK_JUMPS, DAILY_IN } = process.env
const RealDate = Date
const started = RealDate.now()
const speed = CLOCK_JUMPS ? 0 : Number(CLOCK_SPEED)
/** The wait for the boot ping. */
const BOOT_MS = 30_000
/** Longer than the deadlines of requests. */
const LONG_MS = 60_000
const hurry = (ms: number) => speed > 0 && (ms === BOOT_MS || ms >= LONG_MS) ? ms / speed : ms
let jumped = 0
const now = () => Number(CLOCK_SET_TO ?? started) + (RealDate.now() - started) * speed + jumped

/** Runs timers as long as the wait for the boot ping at once, and advances the clock by it. */
const jump = (act: () => void) => () => {
  jumped += BOOT_MS
  act()
}

if (CLOCK_SET_TO ?? process.env.CLOCK_SPEED) {
  globalThis.Date = class extends RealDate {
    constructor (...args: [number]) {
      super(...(args.length > 0 ? args : [now()]) as [number])
    }

    static override now = now
  } as DateConstructor
  const { setTimeout } = globalThis
  const { setTimeout: wait } = timers
  globalThis.setTimeout = ((act: () => void, ms = 0, ...args: []) => CLOCK_JUMPS && ms === BOOT_MS
    ? setTimeout(jump(act), 0)
    : setTimeout(act, hurry(ms), ...args)) as typeof setTimeout
  timers.setTimeout = (ms = 0, ...args) => wait(hurry(ms), ...args)
}
if (DAILY_IN) crypto.randomInt = (() => Math.floor(now() / 1_000 + Number(DAILY_IN)) % 86_400) as typeof crypto.randomInt
syncBuiltinESMExports()
