import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { stringify } from 'yaml'
import { buildApp, loadConfig } from '../../src/app.js'
import { PlatformLog, temporaryDirectory } from './platform.js'
import { runProgram } from './program.js'
import { within } from './within.js'

/** Three times as long as a stop may take, as the machine may be busy. */
const LONGEST_STOP_MS = 15_000

export interface PlatformProcess {
  child: ChildProcess
  log: PlatformLog
  /** Its URL. */
  url: string
  /** Sends a signal; resolves to the exit code. */
  stop: (signal?: NodeJS.Signals) => Promise<number | null>
}

/** Makes a `$FLOWFORGE_HOME` with or without a finished setup; the platform listens on any free port. */
export async function prepareHome (
  t: TestContext, config: Record<string, unknown>, initialised = true, home = temporaryDirectory(t)
): Promise<string> {
  const file = join(home, 'flowforge.yml')
  writeFileSync(file, stringify({ port: 0, host: '127.0.0.1', logging: { level: 'debug' }, ...config }))
  const app = await buildApp(loadConfig(file, { FLOWFORGE_HOME: home }), false)
  await app.settings.set('setup:initialised', initialised)
  await app.close()
  return home
}

/**
 * Starts the real process of the platform, and waits until it listens. Killed after the test.
 *
 * @param wrapper a command that runs the one after it, for example with other files mounted
 */
export async function startProcess (
  t: TestContext, home: string, env: Record<string, string> = {}, wrapper: string[] = []
): Promise<PlatformProcess> {
  const program = runProgram('src/server.ts', ['test/helpers/clock.ts', 'test/helpers/use-name-server.ts', 'test/helpers/report-undici.ts'])
  const [command, ...args] = [...wrapper, process.execPath, ...program, '--config', join(home, 'flowforge.yml')]
  const child = spawn(command!, args, {
    // The daily ping is due in twelve hours, unless the test sets its time.
    env: { ...process.env, FLOWFORGE_HOME: home, DAILY_IN: '43200', ...env },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.after(() => { child.kill('SIGKILL') })
  const log = new PlatformLog()
  child.stdout.pipe(log)
  const { msg } = await log.find(/^Server listening/)
  return {
    child,
    log,
    url: /http:\S+$/.exec(msg)![0],
    async stop (signal = 'SIGTERM') {
      const exited = once(child, 'exit')
      child.kill(signal)
      const [code] = await within(`the end of the process after ${signal}`, exited, LONGEST_STOP_MS)
      return code
    }
  }
}
