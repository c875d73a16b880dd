import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { startListener } from '../helpers/listener.js'
import { startNameServer, type NameServer } from '../helpers/name-server.js'
import { temporaryDirectory } from '../helpers/platform.js'
import { prepareHome, startProcess } from '../helpers/process.js'
import { within } from '../helpers/within.js'

const STOP_MS = 5_000

/** The boot ping leaves after a second. */
const FAST = { CLOCK_SPEED: '30', DAILY_IN: '43200' }

/** Where operating systems look for a name server: nothing but this port is asked by all of them. */
const PORT = 53

const canMount = spawnSync('unshare', ['-m', 'true']).status === 0

describe('on a machine', { skip: canMount ? false : 'needs the right to mount files of its own' }, () => {
  for (const count of [1, 3]) {
    test(`whose name servers (${count}) never answer the platform stops in time`, async (t) => {
      const servers: NameServer[] = []
      while (servers.length < count) servers.push(await startNameServer(t, {}, { host: `127.53.${count}.${servers.length + 1}`, port: PORT }))
      const home = await prepareHome(t, { telemetry: { url: 'http://collector.invalid/' } })
      const machine = prepareMachine(t, { '/etc/resolv.conf': servers.map(({ address }) => `nameserver ${address.split(':')[0]}\n`).join('') })
      const platform = await startProcess(t, home, FAST, machine)
      await servers[0]!.asked()
      const told = Date.now()
      assert.equal(await platform.stop('SIGTERM'), 0)
      assert.ok(Date.now() - told < STOP_MS, `${Date.now() - told} ms`)
    })
  }

  test('whose name servers never answer the name of its proxy the platform stops in time', async (t) => {
    const server = await startNameServer(t, {}, { host: '127.53.4.1', port: PORT })
    const home = await prepareHome(t, { telemetry: { url: 'https://collector.invalid/' } })
    const machine = prepareMachine(t, { '/etc/resolv.conf': 'nameserver 127.53.4.1\n' })
    const platform = await startProcess(t, home, { ...FAST, HTTPS_PROXY: 'http://proxy.invalid:3128' }, machine)
    await server.asked()
    assert.match(server.questions[0]!, /^proxy\.invalid/)
    const told = Date.now()
    assert.equal(await platform.stop('SIGTERM'), 0)
    assert.ok(Date.now() - told < STOP_MS, `${Date.now() - told} ms`)
  })

  test('whose hosts file has the name no name server is asked', async (t) => {
    const server = await startNameServer(t, { 'collector.invalid': ['127.0.0.66'] }, { host: '127.53.5.1', port: PORT })
    const listener = await startListener(t)
    const home = await prepareHome(t, { telemetry: { url: listener.url.replace('127.0.0.1', 'collector.invalid') } })
    const machine = prepareMachine(t, {
      '/etc/resolv.conf': 'nameserver 127.53.5.1\n',
      '/etc/hosts': '127.0.0.1 localhost\n# 127.0.0.66 collector.invalid\n127.0.0.1\tother Collector.invalid # mine\n'
    })
    await startProcess(t, home, FAST, machine)
    await within('the ping', listener.next())
    assert.deepEqual(server.questions.filter((question) => question.startsWith('collector')), [])
  })

  test('with a search domain a name below it is found', async (t) => {
    await startNameServer(t, {
      'collector.invalid': [], 'collector.invalid.corp.invalid': ['127.0.0.1']
    }, { host: '127.53.6.1', port: PORT })
    const listener = await startListener(t)
    const home = await prepareHome(t, { telemetry: { url: listener.url.replace('127.0.0.1', 'collector.invalid') } })
    const machine = prepareMachine(t, { '/etc/resolv.conf': 'search corp.invalid\nnameserver 127.53.6.1\n' })
    await startProcess(t, home, FAST, machine)
    await within('the ping', listener.next())
  })
})

/** A command in whose file system these files have another text. */
function prepareMachine (t: TestContext, files: Record<string, string>): string[] {
  const directory = temporaryDirectory(t)
  const mounts = Object.entries(files).map(([path, text], index) => {
    const file = join(directory, String(index))
    writeFileSync(file, text)
    return `mount --bind ${file} ${path}`
  })
  return ['unshare', '-m', 'sh', '-c', [...mounts, 'exec "$@"'].join(' && '), 'sh']
}
