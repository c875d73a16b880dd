import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { BOOT_MS, startClock } from '../helpers/follow-ping.js'
import { startNameServer, useNameServers } from '../helpers/name-server.js'
import { afterRequest, CONFIRMED } from '../helpers/peer.js'
import { pinDaily } from '../helpers/pin-daily.js'
import { buildPlatform } from '../helpers/platform.js'
import { inSoak } from '../helpers/soak.js'
import { within } from '../helpers/within.js'
import { startWitness, type Witness } from '../helpers/witness.js'
import { processes, rows, unwritten, type Row, type Scene } from './ways-to-refuse.js'

/** The real timer: the platforms run on the mocked clock of this test. */
const { setTimeout: realTimeout } = globalThis
/** How long to watch after the last action that could send something. */
const LAST_LOOK_MS = inSoak(5_000, 200)
const DAILY_MS = 600_000
const STEP_MS = 10_000
const RETRIES_MS = 600_000
const BEAT_MS = 10

/** The control: without an opt-out, the witness does count connections, bytes and lookups. */
const control: Row = {
  title: 'no opt-out',
  treat: afterRequest((socket) => { socket.end(CONFIRMED) }),
  act: ({ build }) => build()
}

// new-properties.test.ts shows that a release sends no new property under an earlier consent.
const COUNT = rows.length + unwritten.length + processes.length
test(`no connection, byte or name lookup follows an opt-out, in ${COUNT} scenarios`, async (t) => {
  startClock()
  // Retries of a locked database use this clock, too.
  const beat = setInterval(() => { mock.timers.tick(BEAT_MS) }, BEAT_MS)
  t.after(() => { clearInterval(beat) })
  pinDaily(t, Date.now() + DAILY_MS)
  const answers: Record<string, string[]> = {}
  const names = await startNameServer(t, answers)
  useNameServers(t, names)
  const apps: FastifyInstance[] = []
  const mends: Scene['mends'] = []
  let hosts = 0
  const prepare = async (row: Row) => {
    const { host = `row-${++hosts}.invalid` } = row
    answers[host] = ['127.0.0.1']
    const witness = await startWitness(t, host, names, row.treat)
    const platforms: Scene['platforms'] = []
    const build: Scene['build'] = async (options) => {
      const platform = await buildPlatform(t, { telemetry: { url: witness.url }, ...options })
      platforms.push(platform)
      apps.push(platform.app)
      return platform
    }
    const scene: Scene = { t, witness, names, apps, mends, platforms, build }
    await row.prepare?.(scene)
    return { ...row, scene }
  }
  const run = async ({ title, act, after, scene }: Awaited<ReturnType<typeof prepare>>) => {
    await act(scene)
    const atTheNo = scene.witness.seen()
    after?.(scene)
    return { title, since: () => subtract(scene.witness.seen(), atTheNo) }
  }
  const prepared = []
  for (const row of [...unwritten, ...processes]) prepared.push(await prepare(row))
  const others = Promise.all(prepared.map(run))
  const witnesses = []
  for (const row of rows) witnesses.push(await run(await prepare(row)))
  witnesses.push(...await others)
  for (const app of apps) await assert.rejects(app.telemetry.send(), { code: 'telemetry_off' })
  const all = await run(await prepare(control))
  // The boot ping, then the daily ping.
  for (const [count, milliseconds] of [[1, BOOT_MS], [2, DAILY_MS], [2, RETRIES_MS]] as const) {
    for (let passed = 0; passed < milliseconds; passed += STEP_MS) {
      mock.timers.tick(STEP_MS)
      await apps.at(-1)!.inject('/health')
    }
    await within('the pings of the control', (async () => {
      while ((await apps.at(-1)!.telemetry.pings()).filter(({ outcome }) => outcome === 'delivered').length < count);
    })(), 20_000)
  }
  await new Promise((resolve) => { realTimeout(resolve, LAST_LOOK_MS) })
  for (const mend of mends) await mend()
  const { connections, bytes, questions } = all.since()
  assert.ok(connections >= 2 && bytes > 0 && questions >= 4, JSON.stringify(all.since()))
  assert.deepEqual(witnesses.map(({ title, since }) => [title, since()]), witnesses.map(({ title }) => [title, NOTHING]))
})

type Seen = ReturnType<Witness['seen']>

const NOTHING: Seen = { connections: 0, bytes: 0, questions: 0 }

const subtract = (now: Seen, then: Seen): Seen => ({
  connections: now.connections - then.connections, bytes: now.bytes - then.bytes, questions: now.questions - then.questions
})
