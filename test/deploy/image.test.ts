/** Runs deploy/Containerfile in an empty root directory, and starts its images from there. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import { freePort, startPostgres } from '../helpers/postgres.js'
import { within } from '../helpers/within.js'
import { KEY, PING, post } from '../collector/start-collector.js'
import { readCompose } from './compose.js'
import { environmentOf, inherited, last, readContainerfile } from './containerfile.js'
import { buildStage } from './image.js'
import { cannotEnter, enter, listening, PATH, runInside, stop, type Entry } from './sandbox.js'

const CONFIG = 'host: 127.0.0.1\ntelemetry: { url: "http://127.0.0.1:1/" }\n'

describe('the container images, without /etc/passwd, read-only except for their state', { skip: cannotEnter }, () => {
  let directory: string
  let root: string
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'flowforge-image-'))
    root = join(directory, 'runtime')
    const build = join(directory, 'build')
    await buildStage('build', build, {})
    await buildStage('runtime', root, { build })
  })
  after(() => { rmSync(directory, { recursive: true, force: true }) })

  /** Starts an image as a container engine would, with a read-only root, no HOME and these variables. */
  function startImage (t: TestContext, target: string, state: string, variables: Record<string, string>) {
    const steps = inherited(readContainerfile(), target)
    const entry: Entry = {
      user: last(steps, 'USER'),
      directory: last(steps, 'WORKDIR'),
      environment: { PATH, ...environmentOf(steps), ...variables },
      writable: [state]
    }
    const child = enter(root, JSON.parse(last(steps, 'CMD')), entry)
    t.after(() => { child.kill('SIGKILL') })
    return { child, entry, check: JSON.parse(/CMD (.*)/.exec(last(steps, 'HEALTHCHECK'))![1]!) as string[] }
  }

  function writeConfig (text: string): void {
    mkdirSync(join(root, 'srv/flowforge/etc'), { recursive: true })
    writeFileSync(join(root, 'srv/flowforge/etc/flowforge.yml'), text)
  }

  test('the image contains no development dependencies and no sources', () => {
    assert.deepEqual(readdirSync(join(root, 'opt/flowforge')).toSorted(),
      ['LICENSE', 'bin', 'dist', 'docs', 'node_modules', 'package-lock.json', 'package.json'])
    const modules = readdirSync(join(root, 'opt/flowforge/node_modules'))
    assert.deepEqual(modules.filter((name) => /^(typescript|tsx|eslint)$/.test(name)), [])
  })

  test('the platform image runs under a numeric user, is healthy, and stops with 0', async (t) => {
    writeConfig(CONFIG)
    const { child, entry, check } = startImage(t, 'platform', '/srv/flowforge/var', { PORT: String(await freePort()) })
    await listening(child)
    await runInside(root, check, entry)
    assert.equal(statSync(join(root, 'srv/flowforge/var/flowforge.db')).mode & 0o777, 0o600)
    await assert.rejects(runInside(root, ['sh', '-c', '> /opt/flowforge/file'], { ...entry, user: '0:0' }), /Read-only/)
    assert.equal(await stop(child), 0)
    await assert.rejects(runInside(root, check, entry), { code: 1 })
  })

  test('the platform image does not start without the operator\'s configuration file', async (t) => {
    rmSync(join(root, 'srv/flowforge/etc'), { recursive: true, force: true })
    const { child } = startImage(t, 'platform', '/srv/flowforge/var', {})
    const [code] = await within('the exit', once(child, 'exit'))
    assert.equal(code, 78)
  })

  test('the platform of the compose file connects to PostgreSQL with the password in its environment', async (t) => {
    const postgres = await startPostgres()
    t.after(() => postgres.stop())
    const { port, database, password } = await postgres.createDatabase()
    const { configuration } = readCompose('platform')
    writeConfig(configuration.replace('host: database', `host: database\n  port: ${port}`)
      .replace('database: flowforge', `database: ${database}`))
    const variables = { PORT: String(await freePort()), PGPASSWORD: password! }
    const { child, entry, check } = startImage(t, 'platform', '/srv/flowforge/var', variables)
    await listening(child)
    await runInside(root, check, entry)
    assert.equal(await stop(child), 0)
  })

  test('the collector image runs under a numeric user, is healthy, stores a ping, and stops with 0', async (t) => {
    const port = String(await freePort())
    const { child, entry, check } = startImage(t, 'collector', '/srv/collector', { COLLECTOR_PORT: port, COLLECTOR_IP_HASH_KEY: KEY })
    await listening(child)
    await runInside(root, check, entry)
    assert.equal((await post(`http://127.0.0.1:${port}/`, PING)).status, 200)
    assert.equal(await stop(child), 0)
  })
})
