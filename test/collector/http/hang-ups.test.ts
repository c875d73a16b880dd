import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hangUp, MOMENTS } from '../../helpers/hang-up.js'
import { collectRoutes } from '../../http/routes.js'
import { PING, sqliteUrl, startCollector } from '../start-collector.js'

for (const trustProxy of [undefined, '127.0.0.1'] as const) {
  test(`a sender that hangs up is not logged${trustProxy ? ', behind a proxy' : ''}`, async (t) => {
    const routes = collectRoutes(t)
    const lines: string[] = []
    const { app, post } = await startCollector(t, await sqliteUrl(t), {
      logLevel: 'trace', rateLimit: 10_000, reportToken: 'x'.repeat(16), public: true, ...trustProxy && { trustProxy }
    }, { logTo: { write: (line) => lines.push(line) } })
    const before = lines.length
    for (const { method, url } of routes) {
      for (const each of [method].flat()) {
        for (const moment of MOMENTS) {
          await hangUp(app.server, moment, { method: each, url, headers: { 'x-forwarded-for': '192.0.2.1' }, body: JSON.stringify(PING) })
        }
      }
    }
    assert.equal((await post(PING)).status, 200)
    assert.deepEqual(lines.slice(before).filter((line) => JSON.parse(line).level >= 40), [])
  })
}
