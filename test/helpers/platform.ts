import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import type { TestContext } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { stringify } from 'yaml'
import * as today from '../../src/app.js'
import { holdSchedule } from './hold-schedule.js'
import { within } from './within.js'

const realTimeout = globalThis.setTimeout

export interface PlatformOptions {
  /** The `telemetry` section, as parsed from YAML; `url` names a listener on this machine. */
  telemetry: { url: string, enabled?: unknown } & Record<string, unknown>
  /** Other sections of flowforge.yml. */
  config?: Record<string, unknown>
  /** Whether its schedule also runs on the real clock: the boot ping after 30 seconds, the daily one at its time. */
  scheduled?: boolean
  /** Whether the setup is finished; true by default. */
  initialised?: boolean
  /** An existing `$FLOWFORGE_HOME`, to start on the data of another platform. */
  home?: string
  /** The level of the log; debug by default. */
  level?: string
  /** The source of another release (next-release.ts). */
  release?: typeof today
}

export interface Platform {
  app: FastifyInstance
  home: string
  log: PlatformLog
}

export interface LogLine {
  level: number
  msg: string
}

export const WARN = 40

/** A platform, ready but not listening, with a SQLite file in a new directory. Closed after the test. */
export async function buildPlatform (t: TestContext, options: PlatformOptions): Promise<Platform> {
  const home = options.home ?? temporaryDirectory(t)
  const file = join(home, 'flowforge.yml')
  writeFileSync(file, stringify({ telemetry: options.telemetry, ...options.config }))
  const log = new PlatformLog()
  const { buildApp, loadConfig } = options.release ?? today
  const app = await buildApp(loadConfig(file, { FLOWFORGE_HOME: home }), { level: options.level ?? 'debug', stream: log })
  t.after(() => app.close())
  if (options.initialised !== false) await app.settings.set('setup:initialised', true)
  if (options.scheduled) {
    await app.ready()
  } else {
    const release = holdSchedule()
    await app.ready()
    const isRunning = release() === 0 && setTimeout === realTimeout && app.telemetry.nextDaily() !== null
    assert.ok(!isRunning, 'the schedule was not held: it starts at another moment than this helper expects')
  }
  return { app, home, log }
}

/** The log of a platform. */
export class PlatformLog extends Writable {
  readonly lines: LogLine[] = []

  override _write (chunk: Buffer, _encoding: string, done: () => void): void {
    for (const line of chunk.toString().trim().split('\n')) this.lines.push(JSON.parse(line))
    this.emit('line')
    done()
  }

  /** Waits for the first line that matches. */
  async find (pattern: RegExp): Promise<LogLine> {
    for (;;) {
      const found = this.lines.find(({ msg }) => pattern.test(msg))
      if (found) return found
      await within(`a line of the log that says ${pattern}`, once(this, 'line'))
    }
  }

  atLeast (level: number): LogLine[] {
    return this.lines.filter((line) => line.level >= level)
  }
}

/** Directories of tests that have ended. */
const ended: string[] = []

function removeEnded (): void {
  for (const directory of ended.splice(0)) rmSync(directory, { recursive: true, force: true })
}

process.on('exit', removeEnded)

/**
 * A directory that is removed after the test, once the next test needs one: what a test does after its end runs in the order
 * in which it was registered, and a platform that still runs would find its database gone.
 */
export function temporaryDirectory (t: { after: (act: () => void) => void }): string {
  removeEnded()
  const directory = mkdtempSync(join(tmpdir(), 'flowforge-'))
  t.after(() => { ended.push(directory) })
  return directory
}
