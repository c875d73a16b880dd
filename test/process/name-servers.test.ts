/** Lookups before a process listens, on a machine whose name servers never answer. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test, type TestContext } from 'node:test'
import { cannotMount, prepareSilentMachine } from '../helpers/machine.js'
import { temporaryDirectory } from '../helpers/platform.js'
import { runProgram } from '../helpers/program.js'
import { inSoak, someOf } from '../helpers/soak.js'
import { within } from '../helpers/within.js'

/** A key for the hashes of addresses. */
const KEY = 'k'.repeat(32)

const STOP_MS = 5_000

/** A connection to a database is given up after 5 seconds; a lookup of the operating system takes 27 or more. */
const GIVE_UP_MS = 20_000

/** The number N of the network 127.N.0.0/16, which only this file uses. */
const NETWORK = 54

const database = { db: { type: 'postgres', host: 'database.invalid' } }

function writeConfig (t: TestContext, config: Record<string, unknown>): string[] {
  const file = join(temporaryDirectory(t), 'flowforge.yml')
  writeFileSync(file, JSON.stringify({ telemetry: { enabled: false }, port: 0, ...config }))
  return ['--config', file]
}

type Program = (t: TestContext) => { file: string, args: string[], env?: Record<string, string> }

const PROGRAMS: [title: string, nameServers: number, Program][] = [
  ...[1, 3].flatMap((count): typeof PROGRAMS => [
    ['a platform that looks its database up', count, (t) => ({ file: 'src/server.ts', args: writeConfig(t, database) })],
    ['a collector that looks its database up', count, () => collector({
      COLLECTOR_DATABASE_URL: 'postgres://a:b@database.invalid/c?sslmode=require'
    })]
  ]),
  ['flowforge start', 3, (t) => ({ file: 'src/cli/index.ts', args: ['start', ...writeConfig(t, database)] })],
  ['a platform that looks up the host to listen on', 3, (t) => ({
    file: 'src/server.ts', args: writeConfig(t, { host: 'here.invalid' })
  })],
  ['a collector that looks up the host to listen on', 3, (t) => collector({
    COLLECTOR_DATABASE_URL: `sqlite:${temporaryDirectory(t)}/collector.db`, COLLECTOR_HOST: 'here.invalid'
  })]
]

const collector = (env: Record<string, string>) => ({
  file: 'src/collector/server.ts', args: [], env: { COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_PORT: '0', ...env }
})

async function spawnOnSilentMachine (
  t: TestContext, count: number, { file, args, env = {} }: ReturnType<Program>, ...preloaded: string[]
) {
  const { wrapper: [unshare, ...rest], servers } = await prepareSilentMachine(t, count, NETWORK)
  const child = spawn(unshare!, [...rest, process.execPath, ...runProgram(file, preloaded), ...args], {
    env: { ...process.env, FLOWFORGE_HOME: temporaryDirectory(t), ...env }, stdio: ['ignore', 'ignore', 'pipe']
  })
  t.after(() => child.kill('SIGKILL'))
  return { child, asked: () => within('a question to a name server', servers[0]!.asked()) }
}

describe('on a machine whose name servers never answer', { skip: cannotMount, concurrency: 4 }, () => {
  // `flowforge start` runs the platform; stop.test.ts has a collector whose database does not answer.
  for (const [title, count, program] of someOf(PROGRAMS, 4, 6)) {
    test(`${title} ends with 0 on SIGTERM within 5 seconds (name servers: ${count})`, async (t) => {
      const { child, asked } = await spawnOnSilentMachine(t, count, program(t))
      await asked()
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      assert.deepEqual(await within('the process to end', exited, STOP_MS), [0, null])
    })
  }

  test('a command reports that its database does not answer, and ends', async (t) => {
    const { child } = await spawnOnSilentMachine(t, 3, {
      file: 'src/cli/index.ts', args: ['telemetry', 'decisions', ...writeConfig(t, database)]
    }, ...inSoak([], ['test/helpers/short-limits.ts']))
    const ended = Promise.all([once(child, 'exit'), text(child.stderr)])
    const [exit, said] = await within('the command to end', ended, GIVE_UP_MS)
    assert.deepEqual(exit, [69, null])
    assert.match(said, /^The PostgreSQL at database\.invalid:5432 does not answer \(.+\)\. Start it, or correct db\.host[^\n]+\n$/)
  })

  test('a command that waits for its database is ended by SIGTERM at once', async (t) => {
    const { child, asked } = await spawnOnSilentMachine(t, 3, {
      file: 'src/cli/index.ts', args: ['telemetry', 'off', ...writeConfig(t, database)]
    })
    await asked()
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    // Not with exit code 0, as the command has not completed.
    assert.deepEqual(await within('the command to end', exited, STOP_MS), [null, 'SIGTERM'])
  })
})
