import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { openDatabase } from '../../src/database/open.js'
import { KEY } from '../collector/start-collector.js'
import { temporaryDirectory } from '../helpers/platform.js'
import { prepareHome, startProcess } from '../helpers/process.js'
import { runProgram } from '../helpers/program.js'
import { someOf } from '../helpers/soak.js'
import { within } from '../helpers/within.js'

const TELEMETRY = { url: 'http://127.0.0.1:1/', enabled: false }

/** The promised limit for an exit with code 0. */
const STOP_MS = 5_000

/** Sends a signal, and others while the first is being handled; resolves to the exit code. */
async function stop (child: ChildProcess, ...signals: NodeJS.Signals[]): Promise<unknown[]> {
  const exited = once(child, 'exit')
  for (const signal of signals) child.kill(signal)
  return within('the process to end', exited, STOP_MS)
}

/** A PostgreSQL that accepts connections and never answers. @returns its port, and a promise of the first connection */
async function startSilentServer (t: TestContext): Promise<{ port: number, asked: Promise<unknown> }> {
  const server = createServer((socket) => { socket.on('error', () => {}).resume() }).listen(0, '127.0.0.1')
  t.after(() => { server.close() })
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, asked: once(server, 'connection') }
}

function spawnProgram (t: TestContext, file: string, args: string[], env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [...runProgram(file), ...args], {
    env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit']
  })
  t.after(() => child.kill('SIGKILL'))
  return child
}

describe('SIGTERM and SIGINT end with exit code 0 within 5 seconds', { concurrency: 3 }, () => {
  for (const signals of someOf<NodeJS.Signals[]>([['SIGTERM'], ['SIGINT'], ['SIGTERM', 'SIGTERM', 'SIGINT']], 1)) {
    test(`a platform whose database does not answer at the start (${signals.join(', ')})`, async (t) => {
      const { port, asked } = await startSilentServer(t)
      const home = temporaryDirectory(t)
      const file = join(home, 'flowforge.yml')
      writeFileSync(file, JSON.stringify({ db: { type: 'postgres', host: '127.0.0.1', port }, telemetry: TELEMETRY }))
      const child = spawnProgram(t, 'src/server.ts', ['--config', file], { FLOWFORGE_HOME: home })
      await within('the platform to ask its database', asked)
      assert.deepEqual(await stop(child, ...signals), [0, null])
    })
  }

  test('a collector whose database does not answer at the start', async (t) => {
    const { port, asked } = await startSilentServer(t)
    const child = spawnProgram(t, 'src/collector/server.ts', [], {
      COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_DATABASE_URL: `postgres://a:b@127.0.0.1:${port}/c`, COLLECTOR_PORT: '0'
    })
    await within('the collector to ask its database', asked)
    assert.deepEqual(await stop(child, 'SIGTERM', 'SIGTERM'), [0, null])
  })

  test('a platform with an idle connection, an unfinished request, and one waiting for the database', async (t) => {
    const home = await prepareHome(t, { telemetry: TELEMETRY })
    const { child, log } = await startProcess(t, home)
    const { msg } = await log.find(/^Server listening/)
    const { hostname, port } = new URL(msg.match(/http\S+/)![0])
    const holder = await openDatabase({ type: 'sqlite', storage: join(home, 'var', 'flowforge.db') })
    t.after(() => holder.close())
    await holder.query('BEGIN EXCLUSIVE')
    const login = JSON.stringify({ username: 'alice', password: 'a long password' })
    const requests = ['', 'GET / HTTP/1.1\r\nhost: a', `POST /account/login HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\n` +
      `content-length: ${login.length}\r\n\r\n${login}`]
    for (const request of requests) {
      const socket = connect(Number(port), hostname).on('error', () => {})
      t.after(() => { socket.destroy() })
      await once(socket, 'connect')
      if (request) await new Promise((resolve) => { socket.write(request, resolve) })
    }
    assert.deepEqual(await stop(child, 'SIGTERM'), [0, null])
  })
})
