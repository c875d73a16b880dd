import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { startListener } from '../helpers/listener.js'
import { PlatformLog, temporaryDirectory } from '../helpers/platform.js'
import { startPostgres } from '../helpers/postgres.js'
import { preload } from '../helpers/program.js'
import { inSoak } from '../helpers/soak.js'
import { installPackage, type Project } from './pack.js'

const run = promisify(execFile)
/** Compiling takes long, and the type check of each change covers the sources. */
const onlyInSoak = { skip: inSoak<boolean | string>(false, 'runs in the soak test') }

const guard = preload('test/guard.ts').join(' ')

describe('the package', () => {
  let project: Project
  before(async () => {
    project = await installPackage()
    cpSync('test/embedding/project', project.directory, { recursive: true })
    cpSync('examples', project.directory, { recursive: true })
  })
  after(() => project.remove())

  const runIn = (file: string, env: Record<string, string>) => (
    run(process.execPath, [file], { cwd: project.directory, env: { ...process.env, ...env, NODE_OPTIONS: guard } }))

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
    const { stdout } = await runIn('embed.js', { TELEMETRY_URL: listener.url })
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
    const { stdout } = await runIn('host.cjs', {
      TELEMETRY_URL: listener.url, DATABASE_URL: `postgres://${user}:${password}@${host}:${port}/${database}`
    })
    assert.equal(stdout, 'delivered\n')
    assert.equal(JSON.parse((await listener.next()).body).platform.config.driver, 'stub')
  })

  test('includes the command line and the pages', async (t) => {
    const home = temporaryDirectory(t)
    writeFileSync(join(home, 'flowforge.yml'), 'host: 127.0.0.1\nport: 0\ntelemetry: { url: "http://127.0.0.1:1/" }\n')
    const child = spawn(process.execPath, ['node_modules/flowforge/bin/flowforge.js', 'start', '--config', join(home, 'flowforge.yml')],
      { cwd: project.directory, env: { ...process.env, FLOWFORGE_HOME: home, NODE_OPTIONS: guard }, stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => { child.kill('SIGKILL') })
    const log = new PlatformLog()
    child.stdout.pipe(log)
    const { msg } = await log.find(/^Server listening/)
    const page = await fetch(`${msg.match(/http\S+/)![0]}/setup`)
    assert.equal(page.status, 200)
    assert.match(await page.text(), /<title>/)
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    assert.deepEqual(await exited, [0, null])
  })

  test('includes the collector', async () => {
    const { stdout } = await run(process.execPath, ['node_modules/flowforge/bin/flowforge-collector.js', '--help'], { cwd: project.directory })
    assert.match(stdout, /COLLECTOR_IP_HASH_KEY/)
  })

  test('has types for a strict TypeScript platform, from both kinds of module', onlyInSoak, async () => {
    const compiler = resolve('node_modules/typescript/bin/tsc')
    await run(process.execPath, [compiler, '--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023',
      '--types', 'node', '--skipLibCheck', 'host.mts', 'host.cts'], { cwd: project.directory })
      .catch((error) => assert.fail(error.stdout))
  })
})
