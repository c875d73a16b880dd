/** Starts the units of deploy/ as systemd would. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import { EXIT } from '../../src/cli/exit-codes.js'
import { KEY, PING, post } from '../collector/start-collector.js'
import { freePort } from '../helpers/postgres.js'
import { isSoak } from '../helpers/soak.js'
import { within } from '../helpers/within.js'
import { cannotEnter, enter, listening, PATH, prepareRoot, stop } from './sandbox.js'
import { parseVariables, readUnit } from './unit-file.js'

/** A user id as systemd would choose for DynamicUser. */
const USER = 64_321

const compiled = import.meta.filename.endsWith('.js')

describe('the systemd units', { skip: cannotEnter || (!compiled && !existsSync('dist') && 'needs a build: npm run build') }, () => {
  let directory: string
  let root: string
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'flowforge-units-'))
    root = join(directory, 'root')
    prepareRoot(root)
    cpSync(compiled ? 'build/src' : 'dist', join(root, 'opt/flowforge/dist'), { recursive: true })
    cpSync('package.json', join(root, 'opt/flowforge/package.json'))
    mkdirSync(join(root, 'etc/flowforge'))
    writeFileSync(join(root, 'etc/flowforge/flowforge.yml'), 'host: 127.0.0.1\ntelemetry: { url: "http://127.0.0.1:1/" }\n')
  })
  after(() => { rmSync(directory, { recursive: true, force: true }) })

  /** Starts a unit. @param variables the content of its EnvironmentFile */
  function startUnit (t: TestContext, name: string, variables: Record<string, string>) {
    const Service = readUnit(name).Service!
    const state = join('/var/lib', Service.StateDirectory![0]!)
    mkdirSync(join(root, state), { recursive: true, mode: 0o700 })
    chownSync(join(root, state), USER, USER)
    // On this machine Node.js may have another path.
    const child = enter(root, Service.ExecStart![0]!.replace(/^\S*node /, 'node ').split(' '), {
      user: `${USER}:${USER}`,
      directory: Service.WorkingDirectory![0]!,
      environment: { PATH, ...parseVariables(Service.Environment!.join(' ')), ...variables },
      writable: [state],
      mounts: { '/opt/flowforge/node_modules': resolve('node_modules') }
    })
    t.after(() => { child.kill('SIGKILL') })
    return { child, state: join(root, state) }
  }

  test('flowforge.service runs as a dynamic user with one writable folder, and stops with 0', async (t) => {
    const port = await freePort()
    const { child, state } = startUnit(t, 'flowforge.service', { PORT: String(port) })
    await listening(child)
    assert.equal((await fetch(`http://127.0.0.1:${port}/health`)).status, 200)
    assert.equal(statSync(join(state, 'var/flowforge.db')).mode & 0o777, 0o600)
    assert.equal(await stop(child), 0)
  })

  test('flowforge-collector.service stores a ping as a dynamic user, and stops with 0', async (t) => {
    const port = await freePort()
    const { child, state } = startUnit(t, 'flowforge-collector.service', { COLLECTOR_PORT: String(port), COLLECTOR_IP_HASH_KEY: KEY })
    await listening(child)
    assert.equal((await post(`http://127.0.0.1:${port}/`, PING)).status, 200)
    assert.equal(statSync(join(state, 'collector.db')).mode & 0o777, 0o600)
    assert.equal(await stop(child), 0)
  })

  for (const [unit, fault] of [['flowforge.service', { PORT: 'none' }], ['flowforge-collector.service', { COLLECTOR_PORT: 'none' }]] as const) {
    test(`${unit} is not restarted if its configuration is invalid`, async (t) => {
      // The platform's code is that of its image (image.test.ts).
      const code = isSoak || unit !== 'flowforge.service' ? await exitCodeOf(startUnit(t, unit, fault).child) : EXIT.config
      assert.deepEqual(readUnit(unit).Service!.RestartPreventExitStatus, [String(code)])
    })
  }
})

async function exitCodeOf (child: ChildProcess): Promise<number> {
  const [code] = await within('the exit', once(child, 'exit'))
  return code as number
}
