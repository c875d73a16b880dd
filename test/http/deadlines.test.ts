import assert from 'node:assert/strict'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { DEADLINES } from '../../src/http/deadlines.js'
import { buildPlatform } from '../helpers/platform.js'
import { inSoak } from '../helpers/soak.js'
import { within } from '../helpers/within.js'

const MINUTE = 60_000

/** Divides the deadlines. The interval at which Node.js checks them cannot be changed. */
const FASTER = inSoak(1, 30)

async function listen (t: TestContext) {
  const { app, log } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:9', enabled: false } })
  const { server } = app
  assert.ok(server.timeout <= MINUTE - DEADLINES.http.connectionsCheckingInterval, 'no connection is open after a minute')
  for (const limit of ['requestTimeout', 'headersTimeout', 'timeout', 'keepAliveTimeout'] as const) server[limit] /= FASTER
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return { app, log, port }
}

const HALF_BODY = 'POST /account/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{'

// Each waits in real time, so they run concurrently.
describe('a connection is closed within a minute', { concurrency: true }, () => {
  for (const [what, bytes] of [
    ['that sends nothing', ''],
    ['whose headers never end', 'GET / HTTP/1.1\r\nhost: localhost\r\nx: '],
    ['whose body never starts', HALF_BODY.slice(0, -1)],
    ['whose body never ends', HALF_BODY],
    ['that stays idle after its answer', 'GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n']
  ] as const) {
    test(what, async (t) => {
      const { port, log } = await listen(t)
      const socket = net.connect(port, '127.0.0.1')
      t.after(() => { socket.destroy() })
      socket.on('error', () => { /* the server may reset the connection */ })
      socket.resume()
      if (bytes) socket.write(bytes)
      await within('the end of the connection', once(socket, 'close'), MINUTE / inSoak(1, 6))
      assert.deepEqual(log.atLeast(40), [])
    })
  }
})
