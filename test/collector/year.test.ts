/** Sends the pings of a population for weeks, in the soak test for a year, and recomputes each figure. */
import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { DAY, dateOf } from '../../src/collector/day.js'
import { connect } from '../../src/collector/storage/connect.js'
import { startPostgres, type Postgres } from '../helpers/postgres.js'
import { inSoak } from '../helpers/soak.js'
import { expectedFigures, sortRows, type FigureRow, type Heard } from './expected-figures.js'
import { makeClock } from './make-clock.js'
import { instanceId, postgresUrl, sqliteUrl, startCollector, type Collector } from './start-collector.js'
import { breakableLine } from './storage/breakable-line.js'

const DAYS = inSoak(365, 17)
const FIRST = 20_500
const CAP = 20
const RETENTION = 31
const TOKEN = 'the-token-of-the-tests'
const [MINUTE, HOUR] = [60_000, 3_600_000]
const HONEST = 45

/** Days without collectors and without senders. */
const isOff = (at: number) => (at >= 12 && at < 15) || (at >= 200 && at < 212)

const RELEASES = ['1.9.0', '2.0.0', '2.1.0', '2.2.0', '3.0.0']

interface Ping { number: number, address: string, body: object, properties: Heard['properties'] }

/** The pings of a day: installations start, grow, upgrade, pause and return; from the sixth day on, two are false. */
function pingsOf (at: number): Ping[] {
  const honest = Array.from({ length: HONEST }, (_, number) => number).filter((number) =>
    at >= number / 2 && (at * 7 + number * 13) % 11 < 8 && !(number % 6 === 5 && (at + number) % 80 > 15))
    // Ten of them share one address, as in a company.
    .map((number) => makePing(number, number < 10 ? '192.0.2.1' : `10.0.${number}.1`, at))
  const lies = at < 6
    ? []
    : Array.from({ length: 50 }, (_, each) => makePing(
      // One sender invents 25 installations each day, and sends for each on two days.
      1000 + at * 25 + each - 25, '198.51.100.66', at, { version: '6.6.6', users: 2 ** 31 - 1 }))
  // The other invents four with the values of number 40, which is otherwise the only one with them.
  const rare = at < 6 ? [] : [0, 1, 2, 3].map((each) => makePing(900 + each, '198.51.100.77', at, { version: rareVersion }))
  return [...honest, ...lies, ...rare]
}

const rareVersion = '0.0.1-rare'

function makePing (number: number, address: string, at: number, lie?: { version: string, users?: number }): Ping {
  const version = lie?.version ?? (number === 40 ? rareVersion : RELEASES[Math.min(4, Math.floor((at + number % 7) / 12))]!)
  const users = lie?.users ?? (number * number + at) % 600
  const nodejs = number % 10 === 3 ? null : `v${18 + 2 * Math.min(2, Math.floor((at + number) / 30))}.0.0`
  const body = {
    instanceId: instanceId(number),
    os: { type: number % 3 ? 'Linux' : 'Darwin', release: '6', arch: 'x64' },
    env: { nodejs, flowforge: version },
    platform: { counts: { users, teams: users >> 2, projects: number % 4 ? users >> 1 : null }, config: { driver: 'docker' } }
  }
  return {
    number,
    address,
    body,
    properties: {
      os_type: body.os.type,
      os_arch: 'x64',
      env_nodejs: nodejs,
      env_flowforge: version,
      platform_config_driver: 'docker',
      platform_counts_users: users,
      platform_counts_teams: body.platform.counts.teams,
      platform_counts_projects: body.platform.counts.projects
    }
  }
}

/** The collectors on one database, and everything they have received. */
async function startWorld (t: TestContext, databaseUrl: string, size: number) {
  const clock = makeClock(FIRST * DAY + MINUTE)
  const heard: Heard[] = []
  const settings = { reportToken: TOKEN, retentionDays: RETENTION, newPerAddress: CAP, trustProxy: 'loopback', rateLimit: 1e6 }
  const start = (url: string) => startCollector(t, url, settings, clock.options)
  let crew: Collector[] = []

  async function send (ping: Ping, turn: number, key: string): Promise<void> {
    const receive = (collector: Collector) =>
      collector.post(ping.body, { 'idempotency-key': key, 'x-forwarded-for': ping.address }).catch(() => undefined)
    let answer = await receive(crew[turn % crew.length]!)
    // If a collector or its database is down, the next attempt goes to another.
    for (let attempt = 0; answer?.status !== 200; attempt++) {
      assert.ok(attempt < 20, `answered ${answer?.status} ${answer?.body.error}`)
      answer = await receive(crew.at(-1)!)
    }
    const { receivedAt, instanceId } = answer.body.received
    const at = Date.parse(receivedAt)
    if (heard.some((known) => known.instanceId === instanceId && known.at === at)) return
    heard.push({ instanceId, at, address: ping.address, properties: ping.properties })
  }
  return {
    clock,
    heard,
    send,
    crew: () => crew,
    async open () {
      clock.boot()
      crew = []
      for (let each = 0; each < size; each++) crew.push(await start(databaseUrl))
    },
    async close () { await Promise.all(crew.map(({ app }) => app.close())) },
    /** Sends pings while the first collector loses its database and then stops, and another replaces it. */
    async sendThroughFall (pings: Ping[], day: number) {
      const line = await breakableLine(t, databaseUrl)
      await crew[0]!.app.close()
      crew[0] = await start(line.url)
      const sending = pings.map((ping, turn) => send(ping, turn, `${day}-${turn}`))
      await Promise.race(sending)
      line.cut()
      await Promise.all(sending)
      await crew[0].app.close()
      crew[0] = await start(databaseUrl)
    }
  }
}

type World = Awaited<ReturnType<typeof startWorld>>

const maintain = (world: World) => Promise.all(world.crew().map(({ app }) => app.maintain()))

async function liveDay (world: World, at: number): Promise<void> {
  const { clock } = world
  const day = FIRST + at
  const pings = pingsOf(at)
  if (at % 9 === 4 && world.crew().length > 1) await world.sendThroughFall(pings, day)
  else await Promise.all(pings.map((ping, turn) => world.send(ping, turn, `${day}-${turn}`)))
  clock.pass(6 * HOUR)
  if (at % 5 === 2) await jump(world, at % 2 ? 400 * DAY : -400 * DAY)
  // Retry pings whose answer was lost, at another collector.
  await Promise.all(pings.slice(0, 6).map((ping, turn) => world.send(ping, turn + 1, `${day}-${turn}`)))
  clock.pass((day + 1) * DAY - 1 - clock.real())
  // Sent before midnight, retried after it.
  const late = pings.slice(-3)
  await Promise.all(late.map((ping, turn) => world.send(ping, turn, `late-${day}-${turn}`)))
  clock.pass(2)
  await Promise.all(late.map((ping, turn) => world.send(ping, turn + 1, `late-${day}-${turn}`)))
  clock.pass(25 * MINUTE)
  if (at % 7 !== 3) await maintain(world)
}

/** Sets the clock wrong, runs maintenance and corrects the clock. */
async function jump ({ clock, crew }: World, by: number): Promise<void> {
  clock.set(by)
  await Promise.all(crew().map(({ app }) => app.maintain()))
  clock.set(0)
  await Promise.all(crew().map(({ app }) => app.maintain()))
}

async function readReport ({ crew }: World, from: number, to: number): Promise<unknown> {
  const answer = await fetch(`${crew()[0]!.url}/report.json?from=${dateOf(from)}&to=${dateOf(to)}`, {
    headers: { authorization: `Bearer ${TOKEN}` }
  })
  return await answer.json()
}

async function liveThrough (world: World): Promise<void> {
  await world.open()
  for (let at = 0; at < DAYS; at++) {
    if (isOff(at)) {
      if (!isOff(at - 1)) await world.close()
      world.clock.pass(DAY)
      if (!isOff(at + 1)) await world.open()
    } else await liveDay(world, at)
  }
  await maintain(world)
}

let postgres: Postgres
before(async () => { postgres = await startPostgres() })
after(() => postgres.stop())

for (const [name, size, create] of [
  ['a collector on SQLite', 1, sqliteUrl],
  ['two collectors on PostgreSQL', 2, () => postgresUrl(postgres)]
] as const) {
  test(`after ${DAYS} days ${name} has published exactly the figures of the received pings`, async (t) => {
    const databaseUrl = await create(t)
    const world = await startWorld(t, databaseUrl, size)
    await liveThrough(world)
    const db = await connect(databaseUrl)
    t.after(() => db.close())
    const rows = await db.query<FigureRow & { day: number }>('SELECT day, figure, bucket, value FROM daily')
    for (let day = FIRST; day < FIRST + DAYS; day++) {
      const published = rows.filter((row) => row.day === day)
        .map(({ figure, bucket, value }) => ({ figure, bucket, value: Number(value) }))
      assert.deepEqual(sortRows(published), expectedFigures(world.heard, day, CAP), `day ${day - FIRST}`)
    }
    assert.ok(rows.every(({ bucket }) => bucket !== rareVersion))
    assert.ok(rows.some(({ figure, bucket }) => figure === 'total' && bucket === 'platform_counts_users'))

    const [oldest] = await db.query<{ at: number | string }>('SELECT MIN(received_at) AS at FROM pings')
    assert.ok(Number(oldest!.at) >= (FIRST + DAYS - RETENTION) * DAY, 'old pings are gone')
    const report = await readReport(world, FIRST, FIRST + DAYS - 1)
    await db.change('DELETE FROM pings')
    await db.change('DELETE FROM installations')
    await world.close()
    await world.open()
    assert.deepEqual(await readReport(world, FIRST, FIRST + DAYS - 1), report, 'the report of past days needs neither pings nor installations')
  })
}
