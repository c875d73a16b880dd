/** Checks that every command in a document is run: here, by another test, or by .ci/run. */
import assert from 'node:assert/strict'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { listDocuments } from '../../docs/documents.js'
import { temporaryDirectory } from '../helpers/platform.js'
import { runProgram } from '../helpers/program.js'
import { isSoak, onlyInSoak } from '../helpers/soak.js'
import { within } from '../helpers/within.js'
import { startCollector } from '../collector/start-collector.js'

const HERE = 'test/docs/commands.test.ts'

const PING = '{"instanceId":"5db51f99-c6fb-4340-9c19-78adce58cc1b","os":{"type":"Linux"}}'

/** The file that runs a command, and how that file writes it. */
const RUN_BY: [command: RegExp, file: string, asWhat?: string][] = [
  [/^npm (ci|test)$/, '.ci/run'],
  [/^npm test -- test\/telemetry\/consent\.test\.ts$/, HERE],
  [/^npm run (lint|typecheck|build)$/, '.ci/run'],
  [/^npm (start|run collector|run docs)$/, HERE],
  [/^npm run demo( -- --report)?$/, 'test/docs/demo.test.ts'],
  [/^node --import tsx\/esm --import \.\/test\/guard\.ts --test test\/telemetry\/consent\.test\.ts$/, HERE],
  [/^node examples\/embed\.js$/, 'test/embedding/package.test.ts', "'embed.js'"],
  // That test packs and unpacks the package instead of downloading it.
  [/^npm install @flowforge\/telemetry$/, 'test/embedding/start-real-host.ts', 'pack:telemetry'],
  [/^curl .* --data-binary @ping\.json https:\/\/ping\.flowforge\.com\/$/, 'test/docs/api.test.ts', "readFileSync('docs/network.md'"],
  [/^curl .* https:\/\/ping\.flowforge\.com\/(held|forget)$/, 'test/docs/api.test.ts', "readFileSync('docs/privacy.md'"],
  [/^npx flowforge telemetry status/, 'test/cli/status.test.ts', "'telemetry status'"],
  [/^npx flowforge telemetry preview/, 'test/cli/preview.test.ts', "'telemetry preview'"],
  [/^npx flowforge telemetry check/, 'test/cli/check.test.ts', "'telemetry check'"],
  [/^npx flowforge telemetry (held|forget|new-id)/, 'test/telemetry/rights.test.ts', "'telemetry held'"],
  [/^npx flowforge telemetry (log|send)/, 'test/cli/send.test.ts', "'telemetry send'"],
  [/^curl .* http:\/\/127\.0\.0\.1:8080\/ /, HERE, PING],
  [/^curl .* http:\/\/localhost:3000\//, 'test/docs/api.test.ts', "readFileSync('docs/api.md'"],
  [/^npx flowforge start/, 'test/cli/start.test.ts', "'start'"],
  [/^npm ci --omit=dev$/, 'deploy/Containerfile'],
  [/^(install|ln|echo|node(?= \/opt)|umask|sqlite3|rm|cp|pg_dump|pg_restore) /, 'test/docs/operations.test.ts', 'runBlock'],
  // Tests have neither systemd nor a container engine: that test starts what they would start.
  [/^(systemctl|journalctl) /, 'test/deploy/units.test.ts', 'startUnit'],
  [/^docker compose /, 'test/deploy/image.test.ts', 'startImage'],
  // Benchmarks run on request, not in each test run.
  [/^npm run bench/, 'package.json', '"bench"']
]

for (const file of listDocuments()) {
  test(`${file} shows only commands that some test or script runs`, () => {
    for (const command of commandsIn(readFileSync(file, 'utf8'))) {
      const [, runner, asWhat = command] = RUN_BY.find(([pattern]) => pattern.test(command)) ?? []
      assert.ok(runner, `nothing runs "${command}"`)
      assert.ok(readFileSync(runner, 'utf8').includes(asWhat), `${runner} does not run "${command}"`)
    }
  })
}

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }

test('the documents name only scripts of package.json', () => {
  for (const file of listDocuments()) {
    for (const [, name] of readFileSync(file, 'utf8').matchAll(/npm run ([\w:-]+)/g)) assert.ok(scripts[name!], `${file}: ${name}`)
  }
})

/** The commands in the shell blocks of a document, without assignments and redirections. */
function commandsIn (text: string): string[] {
  return [...text.matchAll(/```sh\n([^]*?)```/g)]
    .flatMap(([, block]) => block!.replaceAll('\\\n', '').trim().split('\n'))
    .flatMap((line) => line.split(' && '))
    .map((command) => command.replace(/^(\w+=(\$\([^)]*\)|\S*) )+/, '').replace(/ > \S+$/, '').trim())
    .filter((command) => command && !command.startsWith('#'))
}

describe('the documented commands', () => {
  test('npm start serves the setup wizard', async (t) => {
    const home = temporaryDirectory(t)
    mkdirSync(join(home, 'etc'))
    writeFileSync(join(home, 'etc/flowforge.yml'), 'host: 127.0.0.1\nport: 0\ntelemetry: { url: "http://127.0.0.1:1/" }\n')
    // What npm runs, without the time that npm takes; test/build.test.ts has that.
    const url = await startProgram(t, isSoak ? 'npm start' : scripts.start!, { FLOWFORGE_HOME: home })
    const page = await fetch(`${url}/setup`)
    assert.equal(page.status, 200)
  })

  test('npm run collector accepts a ping', async (t) => {
    const database = `sqlite:${join(temporaryDirectory(t), 'collector.db')}`
    // A test of deploy/ starts it as a process in `npm test`, too.
    const url = isSoak
      ? await startProgram(t, 'npm run collector', {
        COLLECTOR_IP_HASH_KEY: 'a-key-for-this-test-of-32-bytes-or-more', COLLECTOR_PORT: '0', COLLECTOR_DATABASE_URL: database
      })
      : (await startCollector(t, database)).url
    const answer = await fetch(url, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: PING
    })
    assert.equal(answer.status, 200)
  })

  test('npm run docs updates an outdated document', async (t) => {
    const copy = temporaryDirectory(t)
    for (const file of listDocuments()) cpSync(file, join(copy, file))
    const file = join(copy, 'docs/privacy.md')
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replace('| `os.type` |', '| `os.name` |'))
    const [tool, script] = scripts.docs!.split(' ') as [string, string]
    assert.equal(tool, 'tsx')
    const [command, args] = isSoak ? [resolve('node_modules/.bin', tool), [resolve(script)]] : [process.execPath, runProgram(script)]
    await promisify(execFile)(command, args, { cwd: copy })
    assert.equal(readFileSync(file, 'utf8'), text)
  })

  for (const [command, options] of [
    // .ci/run has `npm test`.
    ['npm test -- test/telemetry/consent.test.ts', onlyInSoak],
    ['node --import tsx/esm --import ./test/guard.ts --test test/telemetry/consent.test.ts', {}]
  ] as const) {
    test(command, options, async () => {
      const { NODE_TEST_CONTEXT, ...env } = process.env
      const [program, ...args] = command.split(' ')
      const { stdout } = await promisify(execFile)(program!, args, { env })
      assert.match(stdout, /^(# |ℹ )fail 0$/m)
    })
  }
})

/** Runs a command until the line with its address; stopped after the test. Resolves to that address. */
async function startProgram (t: TestContext, line: string, env: Record<string, string>): Promise<string> {
  const [command, ...args] = line.split(' ')
  const child = spawn(command!, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  t.after(() => stopGroup(child))
  return findAddress(child)
}

async function findAddress (child: ChildProcess): Promise<string> {
  for await (const line of createInterface(child.stdout!)) {
    const [url] = line.match(/http:\/\/127\.0\.0\.1:\d+/) ?? []
    if (url) return url
  }
  throw new Error('it ended before it listened')
}

/** npm, its shell and the server form one process group. */
async function stopGroup (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  process.kill(-child.pid!, 'SIGTERM')
  await within('the end of the program', closed)
}
