import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { describe, test, type TestContext } from 'node:test'
import { startListener } from '../helpers/listener.js'
import { cannotMount, DNS_PORT as PORT, prepareMachine, prepareSilentMachine } from '../helpers/machine.js'
import { startNameServer } from '../helpers/name-server.js'
import { prepareHome, startProcess } from '../helpers/process.js'
import { runProgram } from '../helpers/program.js'
import { isSoak, someOf } from '../helpers/soak.js'
import { within } from '../helpers/within.js'

const STOP_MS = 5_000

/** The boot ping is sent after a tenth of a second. */
const FAST = { CLOCK_SPEED: '300', DAILY_IN: '43200' }

describe('on a machine', { skip: cannotMount, concurrency: 4 }, () => {
  for (const count of someOf([1, 3], 1)) {
    test(`whose name servers (${count}) never answer, the platform stops in time`, async (t) => {
      const { wrapper, servers } = await prepareSilentMachine(t, count, 53)
      const home = await prepareHome(t, { telemetry: { url: 'http://collector.invalid/' } })
      const platform = await startProcess(t, home, FAST, wrapper)
      await servers[0]!.asked()
      const told = Date.now()
      assert.equal(await platform.stop('SIGTERM'), 0)
      assert.ok(Date.now() - told < STOP_MS, `${Date.now() - told} ms`)
    })
  }

  test('whose name servers never resolve the name of its proxy, the platform stops in time', async (t) => {
    const server = await startNameServer(t, {}, { host: '127.55.4.1', port: PORT })
    const home = await prepareHome(t, { telemetry: { url: 'https://collector.invalid/' } })
    const machine = prepareMachine(t, { '/etc/resolv.conf': 'nameserver 127.55.4.1\n' })
    const platform = await startProcess(t, home, { ...FAST, HTTPS_PROXY: 'http://proxy.invalid:3128' }, machine)
    await server.asked()
    assert.match(server.questions[0]!, /^proxy\.invalid/)
    const told = Date.now()
    assert.equal(await platform.stop('SIGTERM'), 0)
    assert.ok(Date.now() - told < STOP_MS, `${Date.now() - told} ms`)
  })

  test('whose hosts file has the name, no name server is asked', async (t) => {
    const server = await startNameServer(t, { 'collector.invalid': ['127.0.0.66'] }, { host: '127.55.5.1', port: PORT })
    const machine = prepareMachine(t, {
      '/etc/resolv.conf': 'nameserver 127.55.5.1\n',
      '/etc/hosts': '127.0.0.1 localhost\n# 127.0.0.66 collector.invalid\n127.0.0.1\tother Collector.invalid # mine\n'
    })
    await reachCollector(t, machine)
    assert.deepEqual(server.questions.filter((question) => question.startsWith('collector')), [])
  })

  test('with a search domain, a name in that domain is found', async (t) => {
    await startNameServer(t, {
      'collector.invalid': [], 'collector.invalid.corp.invalid': ['127.0.0.1']
    }, { host: '127.55.6.1', port: PORT })
    await reachCollector(t, prepareMachine(t, { '/etc/resolv.conf': 'search corp.invalid\nnameserver 127.55.6.1\n' }))
  })
})

/** Posts from a machine to collector.invalid: in the soak test a whole platform, else its code for that alone. */
async function reachCollector (t: TestContext, machine: string[]): Promise<void> {
  const listener = await startListener(t)
  const url = listener.url.replace('127.0.0.1', 'collector.invalid')
  if (isSoak) {
    await startProcess(t, await prepareHome(t, { telemetry: { url } }), FAST, machine)
  } else {
    const [command, ...args] = [...machine, process.execPath, ...runProgram('test/helpers/post-once.ts'), url]
    const child = spawn(command!, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    t.after(() => { child.kill('SIGKILL') })
  }
  await within('the ping', listener.next())
}
