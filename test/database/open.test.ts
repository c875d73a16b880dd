import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { openDatabase } from '../../src/database/open.js'

test('a PostgreSQL that ends the session while connecting causes an ordinary error, not a crash', async (t) => {
  const ready = [message('R', '\0\0\0\0'), message('Z', 'I')]
  const ending = message('E', 'SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0')
  const server = createServer((socket) => {
    socket.once('data', () => { socket.end(Buffer.concat([...ready, ending])) })
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const address = { host: '127.0.0.1', port, user: 'flowforge', database: 'flowforge', ssl: false }
  await assert.rejects(openDatabase({ type: 'postgres', ...address }), { name: 'SequelizeConnectionError', message: /not queryable/ })
})

/** A message of PostgreSQL's protocol: kind, length and content. */
function message (kind: string, content: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(4 + content.length)
  return Buffer.concat([Buffer.from(kind), length, Buffer.from(content)])
}
