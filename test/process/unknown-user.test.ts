import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'
import { runCommand } from '../cli/run-command.js'
import { KEY } from '../collector/start-collector.js'
import { temporaryDirectory } from '../helpers/platform.js'
import { prepareHome } from '../helpers/process.js'
import { someOf } from '../helpers/soak.js'
import { giveToUnknownUser, runAsUnknownUser, spawnAsUnknownUser } from '../helpers/unknown-user.js'
import { within } from '../helpers/within.js'

const TELEMETRY = { url: 'http://127.0.0.1:1/' }

/** Resolves to the first line of the output; then stops the process. @returns its exit code */
async function startAndStop (t: TestContext, child: ChildProcess): Promise<number | null> {
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout! })
  let said = ''
  child.stderr!.on('data', (chunk) => { said += chunk })
  const exited = once(child, 'exit')
  const listening = (async () => {
    for await (const line of lines) if (line.includes('listening at')) return
    throw new Error(`ended before it listened: ${said}`)
  })()
  await within('to listen', listening)
  child.kill('SIGTERM')
  const [code] = await within('to stop', exited)
  return code
}

/** A home of that user in a folder with a space and non-ASCII letters. */
async function prepareOddHome (t: TestContext): Promise<{ home: string, env: Record<string, string>, args: string[] }> {
  const parent = temporaryDirectory(t)
  chmodSync(parent, 0o755)
  const home = join(parent, 'Flow Förge 流')
  mkdirSync(home)
  await prepareHome(t, { telemetry: TELEMETRY }, true, home)
  giveToUnknownUser(home)
  return { home, env: { FLOWFORGE_HOME: home }, args: ['--config', join(home, 'flowforge.yml')] }
}

test('the platform starts as a user without a name and without HOME, in a folder with an unusual name', async (t) => {
  const { env, args } = await prepareOddHome(t)
  assert.equal(await startAndStop(t, spawnAsUnknownUser('src/server.ts', args, env)), 0)
})

test('the collector starts as a user without a name and without HOME', async (t) => {
  const directory = temporaryDirectory(t)
  giveToUnknownUser(directory)
  const env = { COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_DATABASE_URL: `sqlite:${join(directory, 'a b.db')}`, COLLECTOR_PORT: '0' }
  assert.equal(await startAndStop(t, spawnAsUnknownUser('src/collector/server.ts', [], env)), 0)
})

test('a decision of a user without a name is recorded', async (t) => {
  const { home, env, args } = await prepareOddHome(t)
  assert.equal((await runAsUnknownUser('src/cli/index.ts', ['telemetry', 'off', ...args], env)).code, 0)
  const { stdout } = await runCommand(home, 'telemetry decisions')
  assert.match(stdout, /the operator \(command line\): off/)
})

test('read-only commands work on a read-only data directory, and change nothing there', async (t) => {
  const { home, env, args } = await prepareOddHome(t)
  const folder = join(home, 'var')
  chmodSync(join(folder, 'flowforge.db'), 0o400)
  chmodSync(folder, 0o500)
  const before = { files: readdirSync(folder), changed: statSync(join(folder, 'flowforge.db')).mtimeMs }
  for (const command of someOf(['status', 'preview', 'log', 'decisions'], 1)) {
    const { code, stdout, stderr } = await runAsUnknownUser('src/cli/index.ts', ['telemetry', command, ...args], env)
    assert.equal(stderr, '', command)
    assert.equal(code, 0, command)
    assert.ok(stdout.length > 0, command)
  }
  assert.deepEqual({ files: readdirSync(folder), changed: statSync(join(folder, 'flowforge.db')).mtimeMs }, before)
  for (const command of someOf([['start'], ['telemetry', 'off']], 0)) {
    const { code, stderr } = await runAsUnknownUser('src/cli/index.ts', [...command, ...args], env)
    assert.match(stderr, /^The database file .*flowforge\.db cannot be written \(\w+\)\. Let the user who runs FlowForge write to/)
    assert.deepEqual([code, stderr.trim().split('\n').length], [73, 1])
  }
  chmodSync(folder, 0o700)
})
