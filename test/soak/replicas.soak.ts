import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QueryTypes } from 'sequelize'
import { openDatabase } from '../../src/database/open.js'
import { CONFIRMATION, startListener } from '../helpers/listener.js'
import { startPostgres, type PostgresAddress } from '../helpers/postgres.js'
import { prepareHome, startProcess, type PlatformProcess } from '../helpers/process.js'

const DAY_MS = 86_400_000
const NOON = Date.UTC(2026, 2, 1, 12)

/** The error of each replica's clock. */
const SKEWS_MS = [0, -3_000, 2_000, 4_000, -1_000]

test('five replicas send one ping for each common start and each day, despite kills and wrong clocks', async (t) => {
  const postgres = await startPostgres()
  t.after(() => postgres.stop())
  const { ssl, ...db } = await postgres.createDatabase()
  const address = { ssl, ...db }
  let answers = 0
  // The first ping is never answered: its sender holds the claim when it is killed.
  const listener = await startListener(t, (response) => { if (answers++ > 0) response.end(CONFIRMATION) })
  const home = await prepareHome(t, { db, telemetry: { url: listener.url } })
  const start = (at: number, dailyIn: number) => (
    startProcess(t, home, { CLOCK_SET_TO: String(at), DAILY_IN: String(dailyIn) }))

  const replicas = await Promise.all(SKEWS_MS.map((skew) => start(NOON + skew, 60)))
  await listener.next()
  const losers = await Promise.all(replicas.map(hasLost))
  const winner = replicas[losers.indexOf(false)]!
  await winner.stop('SIGKILL')
  assert.deepEqual(await kinds(address), { boot: 1 })

  const others = replicas.filter((replica) => replica !== winner)
  await listener.next()
  await Promise.all(others.map(({ log }) => log.find(/daily ping was claimed|^Telemetry was sent/)))
  assert.deepEqual(await kinds(address), { boot: 1, daily: 1 })

  // Each restart in turn counts as a separate start. The daily ping was sent, and a new time of day adds no other.
  for (const [turn, { stop }] of others.slice(0, 2).entries()) {
    await stop()
    const minutes = 3 + turn
    const { log } = await start(NOON + minutes * 60_000, 35)
    await listener.next()
    await log.find(/daily ping was claimed/)
  }
  assert.deepEqual(await kinds(address), { boot: 3, daily: 1 })

  await Promise.all(SKEWS_MS.map((skew) => start(NOON + DAY_MS + skew, 60)))
  for (let pings = 0; pings < 2; pings++) await listener.next()
  assert.deepEqual(await kinds(address), { boot: 4, daily: 2 })
  assert.equal(listener.requests.length, 6)
})

/** Resolves to whether another replica was first to claim the boot ping. */
async function hasLost ({ log }: PlatformProcess): Promise<boolean> {
  const lost = log.find(/boot ping was claimed/).then(() => true)
  // A replica that logs nothing for three seconds has won, and waits for the answer.
  const won = new Promise<boolean>((resolve) => { setTimeout(resolve, 3_000, false) })
  return Promise.race([lost, won])
}

async function kinds (address: PostgresAddress): Promise<Record<string, number>> {
  const sequelize = await openDatabase(address)
  const rows = await sequelize.query<{ kind: string, n: string }>(
    'SELECT kind, count(*) AS n FROM "TelemetryPings" GROUP BY kind', { type: QueryTypes.SELECT })
  await sequelize.close()
  return Object.fromEntries(rows.map(({ kind, n }) => [kind, Number(n)]).sort())
}
