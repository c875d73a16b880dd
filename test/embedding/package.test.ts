import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { after, before, describe, test, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { startListener } from '../helpers/listener.js'
import { startPostgres } from '../helpers/postgres.js'
import { preload } from '../helpers/program.js'
import { isSoak, onlyInSoak } from '../helpers/soak.js'
import { within } from '../helpers/within.js'
import { installPackage, type Project } from './pack.js'

const run = promisify(execFile)
const guard = preload('test/guard.ts').join(' ')

describe('the package', () => {
  let project: Project
  before(async () => {
    project = await installPackage()
    cpSync('test/embedding/project', project.directory, { recursive: true })
    cpSync('examples', project.directory, { recursive: true })
  })
  after(() => project.remove())

  /**
   * Runs a module of the project; in this process, unless in the soak test, as loading Fastify and Sequelize takes longest.
   * Resolves to its output.
   */
  async function runIn (t: TestContext, file: string, env: Record<string, string>): Promise<string> {
    if (isSoak) {
      const { stdout } = await run(process.execPath, [file], { cwd: project.directory, env: { ...process.env, ...env, NODE_OPTIONS: guard } })
      return stdout
    }
    Object.assign(process.env, env)
    const { mock } = t.mock.method(console, 'log', () => {})
    try {
      const path = join(project.directory, file)
      await (file.endsWith('.cjs') ? createRequire(path)(path) : import(pathToFileURL(path).href))
      return mock.calls.map((call) => `${call.arguments.join(' ')}\n`).join('')
    } finally {
      mock.restore()
      for (const name of Object.keys(env)) delete process.env[name]
    }
  }

  test('contains only the files needed to run', () => {
    const sources = readdirSync('src', { recursive: true, encoding: 'utf8', withFileTypes: true })
      .filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
    const built = sources.flatMap((file) => file.endsWith('.ts')
      ? [file.replace(/\.ts$/, '.js'), file.replace(/\.ts$/, '.d.ts')]
      : [file]).map((file) => file.replace(/^src/, 'dist'))
    const programs = readdirSync('bin').map((file) => `bin/${file}`)
    const documents = readdirSync('docs').filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)
    const expected = [...built, ...programs, ...documents, 'LICENSE', 'README.md', 'flowforge.yml', 'package.json']
    assert.deepEqual(project.files.toSorted(), expected.toSorted())
  })

  test('runs the example in an ES module, and the ping arrives', async (t) => {
    const listener = await startListener(t)
    const stdout = await runIn(t, 'embed.js', { TELEMETRY_URL: listener.url })
    assert.match(stdout, /^Telemetry is on: /)
    assert.match(stdout, /^It was delivered\. {"status":"success"}$/m)
    const { body } = await listener.next()
    assert.ok(stdout.includes(`A ping sent now is exactly: ${body}\n`))
    assert.deepEqual(JSON.parse(body).platform.counts, { users: 2, teams: 0, projects: 0 })
  })

  test('runs in a CommonJS module, on PostgreSQL', async (t) => {
    const postgres = await startPostgres()
    t.after(() => postgres.stop())
    const { host, port, user, password, database } = await postgres.createDatabase()
    const listener = await startListener(t)
    const env = { TELEMETRY_URL: listener.url, DATABASE_URL: `postgres://${user}:${password}@${host}:${port}/${database}` }
    assert.equal(await runIn(t, 'host.cjs', env), 'delivered\n')
    assert.equal(JSON.parse((await listener.next()).body).platform.config.driver, 'stub')
  })

  test('includes the command line and the pages', async (t) => {
    const home = join(project.directory, 'home')
    mkdirSync(home)
    writeFileSync(join(home, 'flowforge.yml'), 'host: 127.0.0.1\nport: 0\ntelemetry: { url: "http://127.0.0.1:1/" }\n')
    const child = spawn(process.execPath, ['node_modules/flowforge/bin/flowforge.js', 'start', '--config', join(home, 'flowforge.yml')],
      { cwd: project.directory, env: { ...process.env, FLOWFORGE_HOME: home, NODE_OPTIONS: guard }, stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => { child.kill('SIGKILL') })
    const url = await within('the line that it listens', readUrl(child.stdout))
    child.stdout.resume()
    const page = await fetch(`${url}/setup`)
    assert.equal(page.status, 200)
    assert.match(await page.text(), /<title>/)
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    assert.deepEqual(await exited, [0, null])
  })

  // The list of files covers it, and the command line shows that programs of the package run.
  test('includes the collector', onlyInSoak, async () => {
    const { stdout } = await run(process.execPath, ['node_modules/flowforge/bin/flowforge-collector.js', '--help'], { cwd: project.directory })
    assert.match(stdout, /COLLECTOR_IP_HASH_KEY/)
  })

  // Compiling takes long, and the type check of each change covers the sources.
  test('has types for a strict TypeScript platform, from both kinds of module', onlyInSoak, async () => {
    const compiler = resolve('node_modules/typescript/bin/tsc')
    await run(process.execPath, [compiler, '--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023',
      '--types', 'node', '--skipLibCheck', 'host.mts', 'host.cts'], { cwd: project.directory })
      .catch((error) => assert.fail(error.stdout))
  })
})

/** Reads the log of a platform until it listens; returns its URL. */
async function readUrl (log: Readable): Promise<string> {
  for await (const line of createInterface(log)) {
    if (line.includes('Server listening')) return /http:[^"]+/.exec(line)![0]
  }
  throw new Error('it ended before it listened')
}
