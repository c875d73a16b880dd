import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { stat } from 'node:fs/promises'
import { mock, type TestContext } from 'node:test'
import type { FailureLog } from '../../src/telemetry/delivery/failure-log.js'
import { deliver } from '../../src/telemetry/delivery/retry.js'
import type { LoggedPing } from '../../src/telemetry/index.js'
import { NOT_ATTEMPTED } from '../../src/telemetry/store/ping-log.js'
import type { PingResult } from '../../src/telemetry/types.js'
import { pinDaily } from './pin-daily.js'
import { buildPlatform, WARN, type Platform } from './platform.js'
import { watchWaits } from './watch-waits.js'

export const BOOT_MS = 30_000
const STEP_MS = 500

/** How often a look without a platform waits for a file: each attempt reads one, which takes longer on a busy machine. */
const READS = 5

type Look<Ping> = () => Promise<Ping | undefined>

/** The limits for connect, headers and body, 5 s, 10 s and 10 s, plus the clock steps until the result is saved. */
const LONGEST_ATTEMPT_MS = 25_000 + 10 * STEP_MS

/** The real time that a peer of this process may take to answer on a busy machine. */
const LONGEST_ANSWER_MS = 10_000

/** Four attempts, and three waits of an hour. */
const LONGEST_PING_MS = 4 * LONGEST_ATTEMPT_MS + 3 * 3_600_000

let clockStarted = false

/** The backoffs with a random number that is always 0.5: half of 30, 60 and 120 seconds. */
export const BACKOFFS_MS = [15_000, 30_000, 60_000]

export interface Expected {
  outcome: LoggedPing['outcome']
  attempts: number
  status: number | null
  /** The error in the ping log; null if there must be none. */
  error: RegExp | null
  /** The designed wait after each attempt but the last, in milliseconds. */
  waits?: number[]
  /** Alternatively, the time at which each wait ends. */
  until?: number[]
  /**
   * Whether only the limits of delivery end an attempt. If not, the clock stands still during each attempt: on a busy
   * machine the answer of a peer could otherwise come too late.
   */
  endsByLimit?: boolean
}

/**
 * Starts a platform that posts to `url`, and follows its boot ping to the end, on a mocked clock. Checks the number,
 * length and spacing of the attempts, that the platform answers meanwhile and has no open socket afterwards, that the
 * ping log has the expected result, and that the operator's log has one line.
 */
export async function followPing (t: TestContext, url: string, expected: Expected): Promise<LoggedPing> {
  startClock()
  // The test may wait for hours, so put the daily ping off until tomorrow.
  pinDaily(t, Date.now() - 60_000)
  const sockets = countSockets()
  const watch = watchAttempts(t)
  const platform = await buildPlatform(t, { telemetry: { url } })
  mock.timers.tick(BOOT_MS)
  const ping = await followAttempts(watch, () => serve(platform), expected)
  assert.equal(platform.log.atLeast(WARN).length, ping.outcome === 'delivered' ? 0 : 1)
  await assertCountReturns(countSockets, sockets)
  return ping
}

/**
 * Follows a delivery as `followPing` does, at a fraction of its cost: without a platform, and so without its log and its
 * database.
 */
export async function followDelivery (t: TestContext, url: string, expected: Expected): Promise<PingResult> {
  startClock()
  const sockets = countSockets()
  const watch = watchAttempts(t)
  let latest: PingResult | undefined
  const saveResult = async (result: PingResult) => { latest = result }
  const ping: LoggedPing = {
    id: 1, kind: 'boot', sentAt: new Date(), idempotencyKey: 'key', url, body: '{}', ...NOT_ATTEMPTED
  }
  const failures = { failed () {}, worked () {} } as unknown as FailureLog
  const { signal } = new AbortController()
  void deliver(ping, { url, version: '0', signal, assertConsent: pause, saveResult, failures }).then(saveResult)
  const result = await followAttempts(watch, async () => {
    await pause()
    return latest
  }, expected)
  await assertCountReturns(countSockets, sockets)
  return result
}

/** Lets packets arrive, as reading consent from a database does. */
async function pause (): Promise<void> {
  for (let read = 0; read < READS; read++) {
    await stat('.')
    await new Promise(setImmediate)
  }
}

type Watch = ReturnType<typeof watchAttempts>

/** From now on, counts attempts and reports waits, whose length is not random. */
function watchAttempts (t: TestContext) {
  t.mock.method(Math, 'random', () => 0.5)
  return { started: countAttempts(t), waits: watchWaits(t) }
}

/** @param look waits for a moment, and resolves to what has become of the ping */
async function followAttempts<Ping extends PingResult> (
  { started, waits }: Watch, look: Look<Ping>, expected: Expected
): Promise<Ping> {
  const until = (wanted: (ping: Ping) => boolean) => (expected.endsByLimit ? passUntil : lookUntil)(look, wanted)
  for (let attempt = 1; attempt <= expected.attempts; attempt++) {
    while (started() < attempt) await look()
    const began = Date.now()
    const { outcome } = await until(({ attempts }) => attempts === attempt)
    assert.ok(Date.now() - began <= LONGEST_ATTEMPT_MS, `attempt ${attempt} took ${Date.now() - began} ms`)
    assert.equal(started(), attempt)
    if (attempt === expected.attempts) break
    assert.equal(outcome, 'pending', `after attempt ${attempt}`)
    const { begun, milliseconds } = await waits.nth(attempt)
    if (expected.until) assert.equal(begun + milliseconds, expected.until[attempt - 1])
    else assert.equal(milliseconds, (expected.waits ?? BACKOFFS_MS)[attempt - 1])
    await passWait(look, begun + milliseconds, started)
  }
  const ping = await until(({ outcome }) => outcome !== 'pending')
  for (const property of ['outcome', 'attempts', 'status'] as const) assert.equal(ping[property], expected[property])
  if (expected.error) assert.match([ping.errorCode, ping.error].filter(Boolean).join(': '), expected.error)
  else assert.equal(ping.error, null)
  return ping
}

/** Mocks the clock for the whole file: undici keeps a timer across tests, which must not stay on an old clock. */
export function startClock (): void {
  if (clockStarted) return
  clockStarted = true
  const real = { setTimeout, clearTimeout }
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.now() })
  keepRealFor('/node_modules/pg/', real)
  // Mocked timers have a `refresh` that does not work; without it undici makes a new timer.
  const timer = setTimeout(() => {})
  delete Object.getPrototypeOf(timer).refresh
  clearTimeout(timer)
}

/** Connecting to PostgreSQL takes real time, with a limit of 5 seconds: keep that timer real. */
function keepRealFor (path: string, real: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>): void {
  const mocked = { setTimeout, clearTimeout }
  globalThis.setTimeout = ((...args: Parameters<typeof setTimeout>) => (
    (new Error().stack ?? '').split('\n')[2]?.includes(path) ? real : mocked).setTimeout(...args)) as typeof setTimeout
  globalThis.clearTimeout = (timer) => {
    real.clearTimeout(timer)
    mocked.clearTimeout(timer)
  }
}

/** Advances the clock in small steps, and looks in between, until the ping matches. */
async function passUntil<Ping> (look: Look<Ping>, wanted: (ping: Ping) => boolean): Promise<Ping> {
  for (let step = 0; step < LONGEST_PING_MS / STEP_MS; step++) {
    const ping = await look()
    if (ping && wanted(ping)) return ping
    mock.timers.tick(STEP_MS)
  }
  assert.fail('the ping did not become what was expected of it')
}

/** Looks, for some seconds at most, until the ping matches. */
async function lookUntil<Ping> (look: Look<Ping>, wanted: (ping: Ping) => boolean): Promise<Ping> {
  const latest = performance.now() + LONGEST_ANSWER_MS
  while (performance.now() < latest) {
    const ping = await look()
    if (ping && wanted(ping)) return ping
  }
  assert.fail('the ping did not become what was expected of it')
}

/** Advances the clock over a wait between two attempts. Checks that the next attempt starts exactly at its end. */
async function passWait (look: Look<unknown>, end: number, started: () => number): Promise<void> {
  const before = started()
  mock.timers.tick(end - 1 - Date.now())
  await look()
  assert.equal(started(), before)
  mock.timers.tick(1)
}

/** Checks that the platform answers, and reads the newest ping of its log. */
async function serve ({ app }: Platform): Promise<LoggedPing | undefined> {
  const { statusCode } = await app.inject('/health')
  assert.equal(statusCode, 200)
  return (await app.telemetry.pings())[0]
}

/** How many times undici has been asked to post, connected or not. */
function countAttempts (t: TestContext): () => number {
  let count = 0
  const listen = (message: unknown) => {
    if ((message as { request: { method: string } }).request.method === 'POST') count++
  }
  subscribe('undici:request:create', listen)
  t.after(() => { unsubscribe('undici:request:create', listen) })
  return () => count
}

export function countSockets (): number {
  return process.getActiveResourcesInfo().filter((name) => /^(TCPSocketWrap|TCPConnectWrap|TLSWrap|GetAddrInfoReqWrap)$/.test(name)).length
}

/** The operating system takes a few turns of the event loop to report a closed socket. */
export async function assertCountReturns (count: () => number, before: number): Promise<void> {
  for (let turn = 0; turn < 1_000 && count() > before; turn++) await new Promise(setImmediate)
  assert.equal(count(), before)
}
