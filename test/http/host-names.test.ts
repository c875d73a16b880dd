import assert from 'node:assert/strict'
import net, { type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { ACCOUNT, buildNewPlatform, Client, setUp } from '../helpers/client.js'

const config = { base_url: 'http://flowforge.example:8080', host: 'Machine.lan' }
const OWN = [
  'localhost', 'LOCALHOST:3000', 'a.localhost', '127.0.0.1:3000', '[::1]:3000', '10.0.0.7', 'flowforge.example', 'flowforge.example.:80',
  'machine.lan:3000'
]
const FOREIGN = ['evil.example', 'evil.example:3000', 'flowforge.example.evil.example', 'notlocalhost', '127.0.0.1.evil.example', '1.2.3.4.5']

test('during the setup, only requests to the names of the platform are answered', async (t) => {
  const app = await buildNewPlatform(t, { config })
  const statusOf = async (host: string) => (await app.inject({ url: '/setup', headers: { host } })).statusCode
  for (const host of OWN) assert.equal(await statusOf(host), 200, host)
  for (const host of FOREIGN) assert.equal(await statusOf(host), 421, host)
  assert.equal((await app.inject({ url: '/health', headers: { host: 'evil.example' } })).statusCode, 200)
})

test('an absolute target names the host, a missing host is unknown, and two hosts are refused', async (t) => {
  const app = await buildNewPlatform(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  for (const [bytes, status] of [
    ['GET /setup HTTP/1.0\r\n\r\n', 421],
    ['GET /health HTTP/1.0\r\n\r\n', 200],
    ['GET /setup HTTP/1.0\r\nhost: localhost\r\n\r\n', 200],
    ['GET /setup HTTP/1.1\r\n\r\n', 400],
    ['GET http://evil.example/setup HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n', 421],
    ['GET http://localhost/setup HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n', 200],
    ['GET /setup HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n', 400]
  ] as const) {
    const socket = net.connect(port, '127.0.0.1')
    socket.write(bytes)
    assert.match(await text(socket), new RegExp(`^HTTP/1\\.1 ${status} `), bytes)
  }
})

test('a site whose name resolves to this machine cannot create an account', async (t) => {
  const app = await buildNewPlatform(t)
  const client = new Client(app)
  const payload = { ...ACCOUNT, _csrf: await client.csrfToken() }
  const headers = { host: 'evil.example', origin: 'http://evil.example' }
  const response = await client.request({ method: 'POST', url: '/setup/create-user', payload, headers })
  assert.deepEqual([response.statusCode, response.json().code], [421, 'unknown_host'])
  assert.equal(await app.db.models.User.count(), 0)
})

test('after the setup, the platform answers to any name', async (t) => {
  const app = await buildNewPlatform(t)
  await setUp(app)
  assert.equal((await app.inject({ url: '/account/login', headers: { host: 'flowforge.lan' } })).statusCode, 200)
})
