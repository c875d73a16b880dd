import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import dns from 'node:dns'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { after, before, describe, mock, test, type TestContext } from 'node:test'
import { reach } from '../../../src/telemetry/delivery/connection.js'
import { lookUp } from '../../../src/telemetry/delivery/lookup.js'
import { startNameServer, useNameServers } from '../../helpers/name-server.js'
import { within } from '../../helpers/within.js'

const { signal } = new AbortController()

let turn = Promise.resolve()

/**
 * Waits for a turn of the event loop that no other test has. Node.js looks at the limits of questions once a second: after
 * one that was asked late in a long turn, it would look just too early, and then a second later.
 */
function nextTurn (): Promise<void> {
  turn = turn.then(() => new Promise((resolve) => { setImmediate(resolve) }))
  return turn
}

const look = async (name: string) => (await lookUp(name, signal, nextTurn)).map(({ address }) => address)

/** The names that the operating system was asked for; it finds one address for every name. */
const askedOfSystem: string[] = []

/** The tests wait for name servers at the same time, each with its own names. */
const AT_ONCE = { concurrency: true }

function mockSystem ({ mock }: Pick<TestContext, 'mock'>) {
  return mock.method(dns.promises, 'lookup', async (name: string) => {
    askedOfSystem.push(name)
    return [{ address: '127.0.0.9', family: 4 }]
  })
}

// Not at once with others, as the name server has to answer within a second.
test('delivery looks a name up by the operating system where the first name server answers that it does not exist', async (t) => {
  mockSystem(t)
  useNameServers(t, await startNameServer(t, { 'short.invalid': [] }))
  assert.deepEqual(await look('short.invalid'), ['127.0.0.9'])
  assert.ok(askedOfSystem.includes('short.invalid'))
})

describe('delivery', AT_ONCE, () => {
  let system: ReturnType<typeof mockSystem>
  before(() => { system = mockSystem({ mock }) })
  after(() => { system.mock.restore() })

  describe('looks a name up', () => {
    for (const [title, name, answers, expected] of [
      ['with IPv4 first', 'a.invalid', { 'a.invalid': ['::1', '127.0.0.2', '127.0.0.3'] }, ['127.0.0.2', '127.0.0.3', '::1']],
      ['where it has only IPv6', 'b.invalid', { 'b.invalid': ['fd00::1'] }, ['fd00::1']],
      ['where queries for IPv6 are dropped', 'c.invalid', { 'c.invalid A': ['127.0.0.2'] }, ['127.0.0.2']],
      ['where queries for IPv4 are dropped', 'd.invalid', { 'd.invalid AAAA': ['fd00::1'] }, ['fd00::1']]
    ] as const) {
      test(title, async (t) => {
        useNameServers(t, await startNameServer(t, answers as never))
        assert.deepEqual(await look(name), expected)
        assert.ok(!askedOfSystem.includes(name))
      })
    }

    test('by the second name server where the first does not answer', async (t) => {
      useNameServers(t, await startNameServer(t), await startNameServer(t, { 'e.invalid': ['127.0.0.2'] }))
      assert.deepEqual(await look('e.invalid'), ['127.0.0.2'])
    })

    test('only once, and by no other name server, if consent is refused meanwhile', async (t) => {
      const servers = [await startNameServer(t), await startNameServer(t)]
      useNameServers(t, ...servers)
      let asked = 0
      await assert.rejects(lookUp('f.invalid', signal, async () => {
        await nextTurn()
        if (asked++ > 0) throw new Error('refused meanwhile')
      }), /refused meanwhile/)
      assert.deepEqual(servers.map(({ questions }) => questions.toSorted()), [['f.invalid A', 'f.invalid AAAA'], []])
      assert.ok(!askedOfSystem.includes('f.invalid'))
    })

    test('not by the operating system where only the second name server denies the name', async (t) => {
      useNameServers(t, await startNameServer(t), await startNameServer(t, { 'i.invalid': [] }))
      await assert.rejects(look('i.invalid'), { code: 'EAI_AGAIN' })
      assert.ok(!askedOfSystem.includes('i.invalid'))
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
  })

  test('looks no name up in the operating system where no name server answers: that would block a thread', async (t) => {
    useNameServers(t, await startNameServer(t))
    await assert.rejects(look('h.invalid'), { code: 'EAI_AGAIN', message: /^h\.invalid could not be resolved/ })
    assert.ok(!askedOfSystem.includes('h.invalid'))
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
})

// Not at once with others, as it counts the sockets of the process.
test('a name is looked up only until the signal aborts, and no socket is left open', async (t) => {
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
