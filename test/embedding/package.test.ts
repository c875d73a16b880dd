import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { startListener } from '../helpers/listener.js'
import { startPostgres } from '../helpers/postgres.js'
import { installPackage, type Project } from './pack.js'

const run = promisify(execFile)
const guard = `--import ${resolve('node_modules/tsx/dist/esm/index.mjs')} --import ${resolve('test/guard.ts')}`

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

  test('holds what is needed to run, and nothing else', () => {
    const sources = readdirSync('src', { recursive: true, encoding: 'utf8', withFileTypes: true })
      .filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
    const built = sources.flatMap((file) => file.endsWith('.ts')
      ? [file.replace(/\.ts$/, '.js'), file.replace(/\.ts$/, '.d.ts')]
      : [file]).map((file) => file.replace(/^src/, 'dist'))
    const expected = [...built, 'LICENSE', 'README.md', 'flowforge.yml', 'package.json']
    assert.deepEqual(project.files.toSorted(), expected.toSorted())
  })

  test('runs the example in an ES module, and its ping arrives', async (t) => {
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

  test('brings types that a strict TypeScript platform compiles against, from both kinds of module', async () => {
    const compiler = resolve('node_modules/typescript/bin/tsc')
    await run(process.execPath, [compiler, '--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023',
      '--types', 'node', '--skipLibCheck', 'host.mts', 'host.cts'], { cwd: project.directory })
      .catch((error) => assert.fail(error.stdout))
  })
})
