import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import dns from 'node:dns'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { reach } from '../../../src/telemetry/delivery/connection.js'
import { lookUp } from '../../../src/telemetry/delivery/lookup.js'
import { startNameServer, useNameServers } from '../../helpers/name-server.js'
import { within } from '../../helpers/within.js'

const { signal } = new AbortController()

const look = async (name: string) => (await lookUp(name, signal)).map(({ address }) => address)

/** Counts lookups by the operating system, which finds one address for every name. */
function watchOperatingSystem (t: TestContext) {
  return t.mock.method(dns.promises, 'lookup', async () => [{ address: '127.0.0.9', family: 4 }])
}

describe('a name is looked up', () => {
  for (const [title, answers, expected] of [
    ['with IPv4 first', { 'a.invalid': ['::1', '127.0.0.2', '127.0.0.3'] }, ['127.0.0.2', '127.0.0.3', '::1']],
    ['where it has only IPv6', { 'a.invalid': ['fd00::1'] }, ['fd00::1']],
    ['where queries for IPv6 are dropped', { 'a.invalid A': ['127.0.0.2'] }, ['127.0.0.2']],
    ['where queries for IPv4 are dropped', { 'a.invalid AAAA': ['fd00::1'] }, ['fd00::1']]
  ] as const) {
    test(title, async (t) => {
      useNameServers(t, await startNameServer(t, answers as never))
      const system = watchOperatingSystem(t)
      assert.deepEqual(await look('a.invalid'), expected)
      assert.equal(system.mock.callCount(), 0)
    })
  }

  test('by the second name server where the first does not answer', async (t) => {
    useNameServers(t, await startNameServer(t), await startNameServer(t, { 'a.invalid': ['127.0.0.2'] }))
    assert.deepEqual(await look('a.invalid'), ['127.0.0.2'])
  })

  test('only once, and by no other name server, if consent is refused meanwhile', async (t) => {
    const servers = [await startNameServer(t), await startNameServer(t)]
    useNameServers(t, ...servers)
    const system = watchOperatingSystem(t)
    let asked = 0
    await assert.rejects(lookUp('a.invalid', signal, async () => { if (asked++ > 0) throw new Error('refused meanwhile') }), /refused meanwhile/)
    assert.deepEqual(servers.map(({ questions }) => questions.toSorted()), [['a.invalid A', 'a.invalid AAAA'], []])
    assert.equal(system.mock.callCount(), 0)
  })

  test('by the operating system where the first name server answers that the name does not exist', async (t) => {
    useNameServers(t, await startNameServer(t, { 'short.invalid': [] }))
    watchOperatingSystem(t)
    assert.deepEqual(await look('short.invalid'), ['127.0.0.9'])
  })

  test('not by the operating system where no name server answers: that would block a thread', async (t) => {
    useNameServers(t, await startNameServer(t))
    const system = watchOperatingSystem(t)
    await assert.rejects(look('a.invalid'), { code: 'EAI_AGAIN', message: /^a\.invalid could not be resolved/ })
    assert.equal(system.mock.callCount(), 0)
  })

  test('not by the operating system where only the second name server denies the name', async (t) => {
    useNameServers(t, await startNameServer(t), await startNameServer(t, { 'a.invalid': [] }))
    const system = watchOperatingSystem(t)
    await assert.rejects(look('a.invalid'), { code: 'EAI_AGAIN' })
    assert.equal(system.mock.callCount(), 0)
  })

  for (const [name, expected] of [
    ['127.0.0.1', ['127.0.0.1']], ['::1', ['::1']], ['LOCALHOST.', undefined], ['any.localhost', ['127.0.0.1', '::1']]
  ] as const) {
    test(`without a query for ${name}`, async (t) => {
      const server = await startNameServer(t)
      useNameServers(t, server)
      const addresses = await look(name)
      if (expected) assert.deepEqual(addresses, expected)
      else assert.equal(addresses[0], '127.0.0.1')
      assert.deepEqual(server.questions, [])
    })
  }

  test('only until the signal aborts, and no socket is left open', async (t) => {
    const server = await startNameServer(t)
    useNameServers(t, server)
    const before = process.getActiveResourcesInfo().length
    const abortion = new AbortController()
    const looking = assert.rejects(lookUp('a.invalid', abortion.signal), /told to stop/)
    await server.asked()
    abortion.abort(new Error('told to stop'))
    await within('the end of the lookup', looking)
    await new Promise(setImmediate)
    assert.ok(process.getActiveResourcesInfo().length <= before)
  })
})

describe('of two addresses', () => {
  test('the first may take a second to answer', async (t) => {
    const first = await startStopped(t)
    useNameServers(t, await startNameServer(t, { 'two.invalid': ['127.0.0.2', '127.0.0.3'] }))
    const reaching = reach({ host: 'two.invalid', port: first.port }, signal)
    // The operating system repeats the first packet after one second, and then not before the limit of two seconds.
    first.goOn(50)
    const socket = await reaching
    t.after(() => socket.destroy())
    assert.equal(socket.remoteAddress, '127.0.0.2')
  })

  test('the second is used where the first does not answer', async (t) => {
    const { port } = await startStopped(t)
    const second = createServer().listen(port, '127.0.0.3')
    t.after(() => second.close())
    await once(second, 'listening')
    useNameServers(t, await startNameServer(t, { 'two.invalid': ['127.0.0.2', '127.0.0.3'] }))
    const socket = await reach({ host: 'two.invalid', port }, signal)
    t.after(() => socket.destroy())
    assert.equal(socket.remoteAddress, '127.0.0.3')
  })

  test('both refusals are reported in one error', async (t) => {
    useNameServers(t, await startNameServer(t, { 'two.invalid': ['127.0.0.2', '127.0.0.3'] }))
    await assert.rejects(reach({ host: 'two.invalid', port: 1 }, signal), { code: 'ECONNREFUSED', message: /127\.0\.0\.2.+127\.0\.0\.3/ })
  })
})

/** A listener on 127.0.0.2 that accepts no connection until it is resumed, as its queue is full. */
async function startStopped (t: TestContext) {
  const script = 'const s = require("net").createServer().listen({ port: 0, host: "127.0.0.2", backlog: 1 }, () => console.log(s.address().port))'
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => { child.kill('SIGKILL') })
  const [text] = await within('a port', once(child.stdout, 'data')) as [Buffer]
  child.kill('SIGSTOP')
  const port = Number(text)
  for (let filler = 0; filler < 4; filler++) {
    const socket = connect(port, '127.0.0.2').on('error', () => {})
    t.after(() => socket.destroy())
    if (filler < 2) await within('a place in the queue', once(socket, 'connect'))
  }
  return { port, goOn: (delay: number) => { setTimeout(() => { child.kill('SIGCONT') }, delay) } }
}
