import assert from 'node:assert/strict'
import { after, before, describe, mock, test, type TestContext } from 'node:test'
import { migrate } from '../../src/telemetry/store/migrations.js'
import { BACKOFFS_MS, BOOT_MS, startClock } from '../helpers/follow-ping.js'
import { holdTable, type Hold } from '../helpers/hold-table.js'
import { afterRequest, answerOf, drip, startPeer, type Peer } from '../helpers/peer.js'
import { startNameServer, useNameServers } from '../helpers/name-server.js'
import { pinDaily } from '../helpers/pin-daily.js'
import { buildPlatform, type Platform } from '../helpers/platform.js'
import { startPostgres, type Postgres, type PostgresAddress } from '../helpers/postgres.js'
import { inSoak, someOf } from '../helpers/soak.js'
import { isOver, pingWhen } from '../helpers/start-ping.js'
import { until } from '../helpers/within.js'

/** A host name for this machine whose lookup a step can hold back. */
const HELD_NAME = 'held.invalid'

const PASSED_MS = 600_000
const STEP_MS = inSoak(10_000, 30_000)
const BEAT_MS = 10

interface Scene {
  platform: Platform
  address: PostgresAddress
  peer: Peer
}

/** Holds a ping at one step of its delivery: what to prepare, and how to know that the step is reached. */
interface Step {
  title: string
  treat?: Parameters<typeof startPeer>[1]
  scheme?: 'http' | 'https'
  host?: string
  hold: (t: TestContext, scene: Scene) => Promise<Hold>
}

/** Steps before an attempt: a refusal by another replica prevents it. Within an attempt, that attempt is the last. */
const beforeAnAttempt: Step[] = [
  ...[['before the claim', 'TelemetryClaims'], ['while collecting', 'Users'], ['before it is recorded', 'TelemetryPings']]
    .map(([title, table]) => ({ title: title!, hold: (_t: TestContext, { address }: Scene) => holdTable(address, table!) })),
  {
    title: 'while it waits for its next attempt',
    treat: afterRequest((socket) => { socket.end(answerOf(503)) }),
    hold: async (_t, { platform }) => ({
      reached: () => until('one attempt is made', async () => (await platform.app.telemetry.pings())[0]?.attempts === 1),
      async release () { mock.timers.tick(BACKOFFS_MS.at(-1)!) }
    })
  }
]

const withinAnAttempt: Step[] = [
  { title: 'while the name is resolved', host: HELD_NAME, hold: holdName },
  { title: 'during the TLS handshake', scheme: 'https', hold: holdPeer },
  { title: 'while a proxy tunnels', hold: holdProxy },
  { title: 'while it waits for the answer', hold: holdPeer },
  { title: 'while the answer drips', treat: drip('HTTP/1.1 200 OK\r\n\r\n'), hold: holdPeer }
]

describe('after an acknowledged opt-out, a listener sees no new connection or request:', () => {
  let postgres: Postgres
  let beat: NodeJS.Timeout
  before(async () => {
    postgres = await startPostgres()
    startClock()
    // The connection pool uses this clock, too, when it is closed.
    beat = setInterval(() => { mock.timers.tick(BEAT_MS) }, BEAT_MS)
  })
  after(async () => {
    await postgres.stop()
    clearInterval(beat)
  })

  for (const step of [...beforeAnAttempt, ...withinAnAttempt]) {
    test(`by the same process ${step.title}`, (t) => revoke(t, step, inSoak('platform beside a replica', 'platform')))
  }
  for (const step of someOf(beforeAnAttempt, 0, 3)) {
    test(`by another replica ${step.title}`, (t) => revoke(t, step, 'replica'))
  }

  async function revoke (
    t: TestContext, { treat = () => {}, scheme = 'http', host = 'localhost', hold }: Step, by: 'platform' | 'platform beside a replica' | 'replica'
  ) {
    // Telemetry is on again at the end, so a daily ping could be sent; put it off until tomorrow.
    pinDaily(t, Date.now() - 60_000)
    const peer = await startPeer(t, treat)
    const address = await postgres.createDatabase()
    const options = { telemetry: { url: peer.url.replace('http', scheme).replace('localhost', host) }, config: { db: address } }
    const platform = await buildPlatform(t, options)
    await migrate(platform.app.db.sequelize)
    const { reached, release } = await hold(t, { address, peer, platform })
    mock.timers.tick(BOOT_MS)
    await reached()
    const replica = by === 'platform' ? undefined : await buildPlatform(t, options)
    await replica?.log.find(/^Telemetry is on/)
    const { app } = by === 'replica' ? replica! : platform

    await app.settings.set('telemetry:enabled', false)
    const seen = [peer.connections(), peer.bytes()]
    await release()
    const { outcome, status } = await pingWhen(platform, isOver)
    // The status may have arrived before the refusal; the connection is closed in either case.
    assert.ok(outcome === 'cancelled' || status === 200, outcome)
    await pass(platform)
    // The replica's boot ping was due meanwhile. It was refused, or the database was too slow for this clock.
    await replica?.log.find(/^Telemetry (is off|could not be sent)/)
    await app.settings.set('telemetry:enabled', true)
    await pass(platform)
    assert.deepEqual([peer.connections(), peer.bytes()], seen)
    assert.equal((await platform.app.telemetry.pings()).length, 1)
  }
})

/** Advances the clock by ten minutes, and lets pending work run at each step. */
async function pass ({ app }: Platform): Promise<void> {
  for (let passed = 0; passed < PASSED_MS; passed += STEP_MS) {
    mock.timers.tick(STEP_MS)
    await app.inject('/health')
  }
}

async function holdPeer (_t: TestContext, { peer }: Scene): Promise<Hold> {
  return {
    async reached () { while (peer.bytes() === 0) await new Promise(setImmediate) },
    async release () { /* it stays silent */ }
  }
}

async function holdProxy (t: TestContext, scene: Scene): Promise<Hold> {
  process.env.HTTP_PROXY = scene.peer.url
  t.after(() => { delete process.env.HTTP_PROXY })
  return holdPeer(t, scene)
}

/** Holds back the answer of the name server until it is released. */
async function holdName (t: TestContext): Promise<Hold> {
  const answers: Record<string, string[]> = {}
  const server = await startNameServer(t, answers)
  useNameServers(t, server)
  return {
    reached: server.asked,
    async release () { answers[HELD_NAME] = ['127.0.0.1'] }
  }
}
