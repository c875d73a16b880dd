import type { FastifyInstance } from 'fastify'
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import v8 from 'node:v8'
import { runInNewContext } from 'node:vm'
import { mergeChunks } from '../../src/network/merge-chunks.js'
import { PING, sqliteUrl, startCollector } from '../collector/start-collector.js'
import { ACCOUNT, buildNewPlatform, setUp } from '../helpers/client.js'
import { inSoak } from '../helpers/soak.js'
import { within } from '../helpers/within.js'

v8.setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const MEGABYTE = 2 ** 20
const REQUESTS = inSoak(20, 8)
/** Just within the limit of a login. */
const LETTERS = 10_000

/** Chunks that are kept take over a megabyte a request. */
const MOST_MEGABYTES = REQUESTS / 2

describe('a body is merged', () => {
  for (const sizes of [[], [1], [0, 1, 0], [4_095, 1, 1], [4_096], [4_097, 8_192, 1], [50_000], Array<number>(9_000).fill(1)]) {
    test(`from ${sizes.length} chunks, ${[...new Set(sizes)].join(', ')} bytes long`, async () => {
      const chunks = sizes.map((size) => randomBytes(size))
      const merged = mergeChunks(Readable.from(chunks, { objectMode: false }))
      const blocks: Buffer[] = []
      merged.on('data', (block: Buffer) => { blocks.push(block) })
      await once(merged, 'end')
      assert.deepEqual(Buffer.concat(blocks), Buffer.concat(chunks))
      assert.ok(blocks.length <= Buffer.concat(chunks).length / 4_096 + 1, `${blocks.length} blocks`)
    })
  }

  test('and an error of the body is passed on', async () => {
    const body = new Readable({ read () { this.destroy(new Error('gone')) } })
    await assert.rejects(buffer(mergeChunks(body)), /gone/)
  })
})

const inLetters = (text: string) => [...text].map((letter) => `1\r\n${letter}\r\n`).join('')
const headOf = (path: string) => `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n` +
  'transfer-encoding: chunked\r\n'

/** The memory of unfinished bodies in chunks of one letter, once the server has read everything sent. */
async function measure (app: FastifyInstance, path: string): Promise<number> {
  const { port } = app.server.address() as AddressInfo
  const bytes = (n: number) => `${headOf(path)}x-forwarded-for: 192.0.2.${n}\r\n\r\n${inLetters('x'.repeat(LETTERS))}`
  const arrived: Promise<void>[] = []
  app.server.on('connection', (socket: net.Socket) => {
    arrived.push((async () => { while (socket.bytesRead < bytes(0).length) await new Promise(setImmediate) })())
  })
  const used = () => { collectGarbage(); const { heapUsed, external } = process.memoryUsage(); return heapUsed + external }
  const before = used()
  const sockets = Array.from({ length: REQUESTS }, (_, n) => {
    const socket = net.connect(port, '127.0.0.1', () => { socket.write(bytes(n)) })
    return socket
  })
  while (arrived.length < REQUESTS) await new Promise(setImmediate)
  await within('the bodies', Promise.all(arrived))
  const grown = (used() - before) / MEGABYTE
  for (const socket of sockets) socket.destroy()
  return grown
}

/** The status of the answer to a complete request with a body in chunks of one letter. */
async function send (app: FastifyInstance, path: string, body: object): Promise<string> {
  const socket = net.connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(`${headOf(path)}x-forwarded-for: 192.0.2.99\r\nconnection: close\r\n\r\n${inLetters(JSON.stringify(body))}0\r\n\r\n`)
  return String(await buffer(socket)).slice(9, 12)
}

describe('a body in chunks of one letter uses no more memory than its length, and is read correctly', () => {
  test('by the platform', async (t) => {
    const app = await buildNewPlatform(t, { config: { trust_proxy: ['127.0.0.1'] } })
    await setUp(app)
    await app.listen({ host: '127.0.0.1', port: 0 })
    assert.equal(await send(app, '/account/login', { username: ACCOUNT.username, password: ACCOUNT.password }), '200')
    const grown = await measure(app, '/account/login')
    assert.ok(grown < MOST_MEGABYTES, `${grown} MB`)
  })

  test('by the collector', async (t) => {
    const { app } = await startCollector(t, await sqliteUrl(t), { trustProxy: '127.0.0.1' })
    assert.equal(await send(app, '/ping', PING), '200')
    const grown = await measure(app, '/ping')
    assert.ok(grown < MOST_MEGABYTES, `${grown} MB`)
  })
})
