import assert from 'node:assert/strict'
import { get } from 'node:http'
import { test } from 'node:test'
import { buildNewPlatform, setUp } from '../helpers/client.js'
import { someOf } from '../helpers/soak.js'
import { within } from '../helpers/within.js'
import { SHAPES } from './shapes.js'

const PAGE = '/admin/settings/telemetry'
const LOG = '/api/v1/telemetry/pings'
const COLUMNS = 'kind, sentAt, idempotencyKey, body, outcome, status, attempts'

const ROUNDS = 5
const LONGEST_STALL_MS = 50

for (const count of someOf([31, 100], 1)) {
  test(`pages stay small and do not block the event loop with ${count} extreme answers in the log`, async (t) => {
    const shapes = Object.values(SHAPES)
    const app = await buildNewPlatform(t)
    const client = await setUp(app)
    const { id } = await app.telemetry.send()
    for (let copy = 1; copy < count; copy++) {
      await app.db.sequelize.query(
        `INSERT INTO TelemetryPings (${COLUMNS}, receipt) SELECT ${COLUMNS}, $1 FROM TelemetryPings WHERE id = ${id}`,
        { bind: [shapes[copy % shapes.length]] })
    }
    const cookie = Object.entries(client.cookies).map(([name, value]) => `${name}=${value}`).join('; ')
    const base = await app.listen({ host: '127.0.0.1', port: 0 })
    const pings = shapes.map((_shape, index) => `${PAGE}/pings/${id + 1 + index}`)
    for (const url of ['/', PAGE, `${PAGE}?pings=all`, '/api/v1/telemetry', LOG, ...pings, `${pings[0]}/receipt`]) {
      // Garbage collection adds to the time, so take the best of a few.
      const stalls: number[] = []
      while (stalls.length < ROUNDS && !(Math.min(...stalls) < LONGEST_STALL_MS)) {
        const { size, stall } = await within(url, measure(base + url, cookie))
        stalls.push(stall)
        if (url.startsWith('/api/')) assert.ok(size > 60_000, `${url} has ${size} bytes`)
        else if (!url.endsWith('/receipt')) assert.ok(size < 300_000, `${url} has ${size} bytes`)
      }
      assert.ok(Math.min(...stalls) < LONGEST_STALL_MS, `${url} stalls the event loop for ${Math.min(...stalls)} ms`)
    }
    const log = (await client.request({ url: LOG })).json() as { id: number, receipt: string | null }[]
    assert.deepEqual(log.map(({ id }) => id), Array.from({ length: count }, (_, index) => id + count - 1 - index))
    assert.equal(log.at(-2)!.receipt, shapes[1])
  })
}

/** Returns the size of an answer in bytes, and the processor time in milliseconds of the longest turn of the event loop. */
async function measure (url: string, cookie: string): Promise<{ size: number, stall: number }> {
  let [before, stall, isAnswered] = [process.cpuUsage(), 0, false]
  const turn = () => {
    const { user, system } = process.cpuUsage(before)
    stall = Math.max(stall, (user + system) / 1_000)
    before = process.cpuUsage()
    if (!isAnswered) setImmediate(turn)
  }
  setImmediate(turn)
  const size = await new Promise<number>((resolve, reject) => {
    get(url, { headers: { cookie, accept: 'text/html' } }, (response) => {
      let size = 0
      assert.equal(response.statusCode, 200, url)
      response.on('data', (chunk: Buffer) => { size += chunk.length }).on('end', () => { resolve(size) }).on('error', reject)
    }).on('error', reject)
  })
  isAnswered = true
  return { size, stall }
}
