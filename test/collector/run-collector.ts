import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { runProgram } from '../helpers/program.js'
import { KEY } from './start-collector.js'

/** Starts the collector as a process, with the test key unless `environment` has one; kills it after the test. */
export function runCollector (
  t: TestContext, environment: NodeJS.ProcessEnv, args: string[] = []
): { child: ChildProcess, listening: Promise<unknown> } {
  const child = spawn(process.execPath, [...runProgram('src/collector/server.ts'), ...args], {
    env: { PATH: process.env.PATH, COLLECTOR_IP_HASH_KEY: KEY, ...environment }, stdio: ['ignore', 'pipe', 'pipe']
  })
  t.after(() => child.kill('SIGKILL'))
  return { child, listening: once(createInterface(child.stdout!), 'line') }
}
