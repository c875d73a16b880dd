import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mock, type TestContext } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { stringify } from 'yaml'
import { buildApp, loadConfig } from '../../src/app.js'
import { openDatabase } from '../../src/database/open.js'
import { runCommand, runCommandProcess } from '../cli/run-command.js'
import { ACCOUNT, Client, setUp } from '../helpers/client.js'
import { BOOT_MS } from '../helpers/follow-ping.js'
import type { NameServer } from '../helpers/name-server.js'
import { afterRequest, answerOf } from '../helpers/peer.js'
import { PlatformLog, temporaryDirectory, type PlatformOptions } from '../helpers/platform.js'
import { prepareHome, startProcess } from '../helpers/process.js'
import { createHome, install, startReplica } from '../helpers/replica.js'
import { sendHeld } from '../helpers/send-held.js'
import { someOf } from '../helpers/soak.js'
import type { startWitness, Witness } from '../helpers/witness.js'

/** The parts of one scenario: a receiver of its own, and platforms that try to send until the end. */
export interface Scene {
  t: TestContext
  witness: Witness
  names: NameServer
  /** Platforms that are asked to send at the end, in addition to their schedule. */
  apps: FastifyInstance[]
  /** Undo the faults, so that all platforms can stop. */
  mends: (() => Promise<unknown>)[]
  /** The platforms of this scenario only. */
  platforms: { app: FastifyInstance, home: string }[]
  build: (options?: Partial<PlatformOptions>) => Promise<Scene['platforms'][number]>
}

export interface Row {
  title: string
  /** Resolves once the opt-out holds, and the action that it must prevent has been tried. */
  act: (scene: Scene) => Promise<unknown>
  treat?: Parameters<typeof startWitness>[3]
  /** Runs before the opt-out. Anything sent by then does not count. */
  prepare?: (scene: Scene) => Promise<unknown>
  /** Runs right after the opt-out. */
  after?: (scene: Scene) => void
  host?: string
}

/** The boot ping of a process is due after a tenth of a second. */
const CLOCK_SPEED = '300'

const CHANGE = '/api/v1/settings'
const file = (home: string) => join(home, 'flowforge.yml')

/** Begins a setup whose administrator opts out; returns the administrator's browser. */
async function beginSetup (app: FastifyInstance): Promise<Client> {
  const client = new Client(app)
  const _csrf = await client.csrfToken()
  await client.post('/setup/create-user', { ...ACCOUNT, _csrf })
  assert.equal((await client.post('/setup/settings', { telemetry: false, _csrf })).statusCode, 200)
  return client
}

const finish = async (client: Client) => client.post('/setup/finish', { _csrf: await client.csrfToken('/setup') })

/** Starts a platform on the given flowforge.yml, or on the one found from the home directory. */
async function startOn ({ t, apps }: Scene, path: string | undefined, home: string): Promise<void> {
  const app = await buildApp(loadConfig(path, { FLOWFORGE_HOME: home }), { level: 'debug', stream: new PlatformLog() })
  t.after(() => app.close())
  await app.settings.set('setup:initialised', true)
  await app.ready()
  apps.push(app)
}

async function decideLocked (scene: Scene, operator: 'file' | 'environment'): Promise<void> {
  const { app, home } = await scene.build({ initialised: false, telemetry: { url: scene.witness.url, enabled: operator === 'environment' } })
  const client = await setUp(app, false)
  if (operator === 'environment') process.env.DO_NOT_TRACK = '1'
  try {
    const { statusCode } = await client.request({ method: 'PUT', url: CHANGE, payload: { 'telemetry:enabled': true } })
    assert.equal(statusCode, 409)
  } finally {
    delete process.env.DO_NOT_TRACK
  }
  // The next start has no refusal by the operator.
  await scene.build({ home, telemetry: { url: scene.witness.url } })
}

const FILES = [
  'logging:\n  level: info\n  telemetry: { enabled: false }\n', 'forge_telemetry: { enabled: false }\n', 'disable_telemetry: true\n',
  'telemetrie:\n  enabled: false\n', 'tеlemetry: false\n', 'base: &base\n  telemetry: { enabled: false }\n<<: *base\n',
  'banner: |\n  telemetry:\n    enabled: false\n', 'privacy: { usage-tracking: off }\n', 'features: [ { name: x, optOut: yes } ]\n', 'tlemetyr: off\n'
]

const VARIABLES = [
  'FF_DISABLE_TELEMETRY', 'FF_TELEMETRY_DISABLE', 'FLOWFORGE_TELEMETRY_DISABLED', 'do_not_track', 'FF_DO_NOT_TRAK', 'FLOWFUSE_NO_TELEMETRY'
]

const LOST: [title: string, prepare: (etc: string) => void][] = [
  ['a dangling link', (etc) => { symlinkSync('nowhere', join(etc, 'flowforge.yml')) }],
  ['.yaml', (etc) => { writeFileSync(join(etc, 'flowforge.yaml'), 'telemetry: { enabled: false }\n') }],
  ['a folder of that name', (etc) => { mkdirSync(join(etc, 'flowforge.yml')) }],
  ['nothing', () => {}]
]

/** An administrator opts out while a ping waits for its next attempt, and the database cannot save it. */
async function refuseUnwritten ({ platforms: [platform], mends, t }: Scene, fault: 'full' | 'locked'): Promise<void> {
  const { app, home } = platform!
  const other = await openDatabase({ type: 'sqlite', storage: join(home, 'var', 'flowforge.db') })
  t.after(() => other.close())
  if (fault === 'full') {
    for (const event of ['INSERT', 'UPDATE']) {
      await other.query(`CREATE TRIGGER full${event} BEFORE ${event} ON "PlatformSettings" BEGIN SELECT RAISE(ABORT, 'disk is full'); END`)
    }
  } else {
    await other.query('BEGIN IMMEDIATE')
    mends.push(() => other.query('ROLLBACK'))
  }
  await assert.rejects(app.decisions.decide({ enabled: false, way: 'API', who: 'ada' }), { code: 'decision_not_saved' })
}

/** Opt-outs by pages, files and variables. */
export const rows: Row[] = [
  {
    title: 'a stranger continues the setup of an administrator who opted out',
    async act ({ build }) {
      const { app } = await build({ initialised: false })
      const owner = await beginSetup(app)
      const stranger = new Client(app)
      const _csrf = await stranger.csrfToken('/account/login')
      assert.equal((await stranger.post('/setup/settings', { telemetry: true, _csrf })).statusCode, 401)
      assert.equal((await stranger.post('/setup/finish', { _csrf })).statusCode, 401)
      assert.equal((await finish(owner)).statusCode, 200)
    }
  },
  {
    title: 'a setup request to opt in arrives after the setup finished with an opt-out',
    async act ({ build }) {
      const { app } = await build({ initialised: false })
      const owner = await beginSetup(app)
      const _csrf = await owner.csrfToken('/setup')
      const release = await sendHeld(app, 'POST', '/setup/settings', owner.cookies, { telemetry: true, _csrf })
      await finish(owner)
      assert.equal(await release(), 403)
    }
  },
  {
    title: 'a request to opt in arrives after its session signed out',
    async act ({ build }) {
      const { app } = await build({ initialised: false })
      const client = await setUp(app, false)
      const release = await sendHeld(app, 'PUT', CHANGE, client.cookies, { 'telemetry:enabled': true })
      await client.post('/account/logout')
      assert.equal(await release(), 401)
    }
  },
  ...someOf(['file', 'environment'] as const, 1).map((operator): Row => ({
    title: `an administrator opts in while the ${operator} refuses, and the refusal is removed later`,
    act: (scene) => decideLocked(scene, operator)
  })),
  ...someOf(FILES, 0, 4, 9).map((text): Row => ({
    title: `flowforge.yml has ${JSON.stringify(text)}`,
    async act (scene) {
      const home = temporaryDirectory(scene.t)
      writeFileSync(file(home), `${text}telemetry: { url: "${scene.witness.url}" }\n`)
      await startOn(scene, file(home), home)
    }
  })),
  ...someOf(VARIABLES, 0, 4).map((variable): Row => ({
    title: `${variable} is set`,
    async act ({ t, witness }) {
      const home = await prepareHome(t, { telemetry: { url: witness.url } })
      const { code, stderr } = await runCommand(home, 'telemetry send', { [variable]: '1' })
      assert.equal(code, 3)
      assert.match(stderr, new RegExp(`the environment variable ${variable} is set`))
    }
  })),
  ...LOST.map(([title, prepare]): Row => ({
    title: `$FLOWFORGE_HOME/etc has ${title}, and the working directory has another file`,
    async act ({ t, witness }) {
      const home = temporaryDirectory(t)
      mkdirSync(join(home, 'etc'))
      prepare(join(home, 'etc'))
      writeFileSync(file(home), stringify({ telemetry: { url: witness.url } }))
      const before = process.cwd()
      process.chdir(home)
      try {
        assert.throws(() => loadConfig(undefined, { FLOWFORGE_HOME: home }), { code: 'invalid_config' })
      } finally {
        process.chdir(before)
      }
    }
  })),
  {
    title: 'etc/flowforge.local.yml opts out',
    async act (scene) {
      const home = temporaryDirectory(scene.t)
      mkdirSync(join(home, 'etc'))
      writeFileSync(join(home, 'etc', 'flowforge.yml'), stringify({ telemetry: { url: scene.witness.url } }))
      writeFileSync(join(home, 'etc', 'flowforge.local.yml'), stringify({ telemetry: { url: scene.witness.url, enabled: false } }))
      await startOn(scene, undefined, home)
    }
  },
  {
    title: 'flowforge.yml is empty',
    host: 'ping.flowforge.com',
    async act (scene) {
      const home = temporaryDirectory(scene.t)
      writeFileSync(file(home), '')
      await startOn(scene, file(home), home)
    }
  }
]

/** An opt-out that the database cannot save still stops the ping that waits for its next attempt. A lock takes seconds. */
export const unwritten = someOf(['full', 'locked'] as const, 0).map((fault): Row => ({
  title: `the database is ${fault} when an administrator opts out`,
  treat: afterRequest((socket) => { socket.end(answerOf(503)) }),
  async prepare ({ build }) {
    const { app } = await build()
    mock.timers.tick(BOOT_MS)
    while (!(await app.telemetry.pings())[0]?.attempts) await new Promise(setImmediate)
  },
  act: (scene) => refuseUnwritten(scene, fault)
}))

/** Opt-outs while another process sends. */
const ofProcesses: Row[] = [
  ...['http:', 'https:'].flatMap((scheme): Row[] => [
    {
      title: `the command line waits for a tunnel to ${scheme}`,
      async act ({ t, witness: { url, proxy, asked } }) {
        const home = await prepareHome(t, { telemetry: { url: url.replace('http:', scheme) } })
        void runCommandProcess(home, 'telemetry send', { ALL_PROXY: proxy })
        await asked()
        assert.equal((await runCommand(home, 'telemetry off')).code, 0)
      },
      after: ({ witness }) => { witness.openTunnels() }
    },
    {
      title: `another replica waits for a tunnel to ${scheme}`,
      async act ({ t, witness: { url, proxy, asked } }) {
        const installation = await install(t, { type: 'sqlite', storage: join(temporaryDirectory(t), 'flowforge.db') })
        const home = createHome(t, installation, url.replace('http:', scheme))
        const replica = await startReplica(t, installation, home, { ALL_PROXY: proxy })
        replica.request('POST', '/api/v1/telemetry/pings', {}).catch(() => {})
        await asked()
        assert.equal((await runCommand(home, 'telemetry off')).code, 0)
      },
      after: ({ witness }) => { witness.openTunnels() }
    }
  ]),
  {
    title: 'a platform runs with DO_NOT_TRACK, and the command line sends',
    async act ({ t, witness, names }) {
      const home = await prepareHome(t, { telemetry: { url: witness.url } })
      const platform = await startProcess(t, home, { DO_NOT_TRACK: '1', CLOCK_SPEED, NAME_SERVER: names.address })
      await platform.log.find(/refusal binds the command line/)
      for (const word of ['send', 'held', 'check']) {
        assert.equal((await runCommand(home, `telemetry ${word}`)).code, 3)
      }
    }
  },
  {
    title: 'a platform runs with FF_DISABLE_TELEMETRY',
    async act ({ t, witness, names }) {
      const home = await prepareHome(t, { telemetry: { url: witness.url } })
      const env = { FF_DISABLE_TELEMETRY: '1', CLOCK_SPEED, NAME_SERVER: names.address }
      await (await startProcess(t, home, env)).log.find(/mistyped opt-out/)
    }
  }
]

/** In npm test the model (test/model) has another replica that waits for a tunnel. */
export const processes = someOf(ofProcesses, 0, 4)
