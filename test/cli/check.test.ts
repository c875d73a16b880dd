import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { createAuthority } from '../helpers/certificates.js'
import { answerOf, startPeer } from '../helpers/peer.js'
import { temporaryDirectory } from '../helpers/platform.js'
import { prepareHome } from '../helpers/process.js'
import { runCommand, runCommandProcess } from './run-command.js'

describe('flowforge telemetry check', () => {
  test('connects, writes nothing to the receiver, and sends no ping', async (t) => {
    const peer = await startPeer(t, () => {})
    const home = await prepareHome(t, { telemetry: { url: peer.url } })
    const { code, stdout, stderr } = await runCommand(home, 'telemetry check')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^Receiver: .+\nproxy {3}ok: none\nname {4}ok: localhost is .+\nTCP {5}ok: connected to .+\nIt can be reached/)
    assert.deepEqual([peer.connections(), peer.bytes()], [1, 0])
    assert.equal((await runCommand(home, 'telemetry log --json')).stdout, '[]\n')
  })

  test('verifies TLS, and trusts an authority of NODE_EXTRA_CA_CERTS', async (t) => {
    const authority = createAuthority()
    const peer = await startPeer(t, () => {}, authority.issueFor('localhost'))
    const home = await prepareHome(t, { telemetry: { url: peer.url } })
    const file = join(temporaryDirectory(t), 'authority.pem')
    writeFileSync(file, authority.cert)
    // Node.js reads this variable when the process starts.
    const trusted = await runCommandProcess(home, 'telemetry check', { NODE_EXTRA_CA_CERTS: file })
    assert.equal(trusted.code, 0, trusted.stdout)
    assert.match(trusted.stdout, /TLS {5}ok: TLSv1\.3, with a certificate that is trusted until/)
    const { code, stdout } = await runCommand(home, 'telemetry check --json', { NODE_TLS_REJECT_UNAUTHORIZED: '0' })
    assert.equal(code, 69)
    const { reachable, steps } = JSON.parse(stdout)
    assert.equal(reachable, false)
    assert.deepEqual([steps.at(-1).name, steps.at(-1).ok], ['TLS', false])
    assert.match(steps.at(-1).words, /not trusted.+NODE_EXTRA_CA_CERTS/)
  })

  test('contacts nobody while telemetry is off, and exits with 3', async (t) => {
    const peer = await startPeer(t, () => {})
    const home = await prepareHome(t, { telemetry: { url: peer.url } })
    const { code, stdout } = await runCommand(home, 'telemetry check', { DO_NOT_TRACK: '1' })
    assert.equal(code, 3)
    assert.match(stdout, /^Telemetry is off: .+\nNobody was contacted\. The check would connect to http:\/\/localhost/)
    const { reachable, steps } = JSON.parse((await runCommand(home, 'telemetry check --json', { DO_NOT_TRACK: '1' })).stdout)
    assert.deepEqual([reachable, steps], [null, []])
    assert.equal(peer.connections(), 0)
  })

  test('connects through a proxy, and writes nothing through its tunnel', async (t) => {
    let received = ''
    const proxy = await startPeer(t, (socket) => {
      socket.on('data', (chunk) => { received += chunk })
      socket.once('data', () => { socket.write('HTTP/1.1 200 OK\r\n\r\n') })
    })
    const home = await prepareHome(t, { telemetry: { url: 'http://localhost:9/' } })
    const { code, stdout, stderr } = await runCommand(home, 'telemetry check', { HTTP_PROXY: proxy.url })
    assert.equal(code, 0, stderr)
    assert.match(stdout, /tunnel {2}ok: the proxy has connected to localhost, port 9\nIt can be reached/)
    assert.match(received, /^CONNECT localhost:9 HTTP\/1\.1\r\n(\S+: .+\r\n)+\r\n$/)
  })

  for (const [title, proxyAnswer, words] of [
    ['a proxy that asks for credentials', 407, /tunnel {2}failed: The proxy asks for a user name and a password/],
    ['a proxy that refuses', 403, /tunnel {2}failed: The proxy did not connect to localhost/]
  ] as const) {
    test(`reports ${title}`, async (t) => {
      const proxy = await startPeer(t, (socket) => { socket.once('data', () => { socket.end(answerOf(proxyAnswer)) }) })
      const home = await prepareHome(t, { telemetry: { url: 'http://localhost:9/' } })
      const address = proxy.url.replace('//', '//user:secret@')
      const { code, stdout, stderr } = await runCommand(home, 'telemetry check', { HTTP_PROXY: address })
      assert.equal(code, 69, stderr)
      assert.match(stdout, words)
      assert.match(stdout, /proxy {3}ok: http:\/\/localhost:\d+, by the environment variable HTTP_PROXY/)
      assert.doesNotMatch(stdout + stderr, /secret/)
    })
  }

  for (const [title, url, environment, words] of [
    ['a port where nobody listens', 'http://127.0.0.1:1/', {}, /TCP {5}failed: 127\.0\.0\.1:1 refused the connection/],
    ['a value that is not a proxy', 'http://127.0.0.1:1/', { ALL_PROXY: 'socks5://user:secret@host' }, /proxy {3}failed: .+ALL_PROXY/]
  ] as const) {
    test(`reports ${title}`, async (t) => {
      const home = await prepareHome(t, { telemetry: { url } })
      const { code, stdout, stderr } = await runCommand(home, 'telemetry check', environment)
      assert.equal(code, 69, stderr)
      assert.match(stdout, words)
      assert.doesNotMatch(stdout + stderr, /secret/)
    })
  }
})
