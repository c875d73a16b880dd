/** Counts a database of release 0.2.0 with over two million pings, with stops and kills in between. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test, type TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { DAY, dayOf } from '../../src/collector/day.js'
import { connect } from '../../src/collector/storage/connect.js'
import { parsePostgresUrl } from '../../src/collector/storage/postgres.js'
import { migrations } from '../../src/collector/storage/migrations.js'
import { migrate } from '../../src/database/migrate.js'
import { openDatabase } from '../../src/database/open.js'
import { runCollector } from '../collector/run-collector.js'
import { PING, post, postgresUrl, sqliteUrl } from '../collector/start-collector.js'
import { freePort, startPostgres, type Postgres } from '../helpers/postgres.js'

const [INSTALLATIONS, DAYS] = [30_000, 70]
const TODAY = dayOf(Date.now())
const ALL = INSTALLATIONS * DAYS

let postgres: Postgres
before(async () => { postgres = await startPostgres() })
after(() => postgres.stop())

/** Each installation has sent one ping a day until yesterday; each address has introduced ten installations. */
async function makeOldDatabase (url: string): Promise<void> {
  const isSqlite = url.startsWith('sqlite:')
  const sequelize = await openDatabase(isSqlite ? { type: 'sqlite', storage: url.slice('sqlite:'.length) } : parsePostgresUrl(url))
  await migrate(sequelize, 'collector_migrations', migrations.filter(({ name }) => name < '05'))
  const numbers = isSqlite
    ? `(WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${ALL - 1}) SELECT n FROM numbers)`
    : `generate_series(0, ${ALL - 1}) AS numbers (n)`
  const id = (number: string) => isSqlite
    ? `printf('%08x', ${number}) || '-0000-4000-8000-000000000000'`
    : `(lpad(to_hex(${number}), 8, '0') || '-0000-4000-8000-000000000000')::uuid`
  await sequelize.query(`INSERT INTO pings (received_at, address_hash, idempotency_key, instance_id, env_nodejs, platform_counts_users)
    SELECT ${(TODAY - DAYS) * DAY} + CAST(n / ${INSTALLATIONS} AS BIGINT) * ${DAY} + n % 86400, 'address ' || ((n % ${INSTALLATIONS}) / 10),
      'key ' || n, ${id(`n % ${INSTALLATIONS}`)}, 'v' || (18 + 2 * (n % 3)) || '.0.0', n % 50 FROM ${numbers}`)
  await sequelize.close()
}

async function start (t: TestContext, databaseUrl: string) {
  const port = await freePort()
  const { child, listening } = runCollector(t, { COLLECTOR_DATABASE_URL: databaseUrl, COLLECTOR_PORT: String(port) })
  await listening
  return { child, url: `http://127.0.0.1:${port}` }
}

/** @returns the remaining days that the collector reports; 0 when it is ready */
async function daysLeft (url: string): Promise<number> {
  const answer = await fetch(`${url}/health`)
  const text = await answer.text()
  if (answer.status === 200) return 0
  assert.match(text, /counting the pings of an older release/)
  return Number(/days left: (\d+)/.exec(text)![1])
}

async function until (url: string, test: (left: number) => boolean): Promise<void> {
  while (!test(await daysLeft(url))) await wait(50)
}

for (const [name, create] of [['SQLite', sqliteUrl], ['PostgreSQL', () => postgresUrl(postgres)]] as const) {
  test(`${ALL.toLocaleString('en')} pings of release 0.2.0 on ${name} are counted once, by collectors that are stopped and killed`, async (t) => {
    const databaseUrl = await create(t)
    await makeOldDatabase(databaseUrl)
    const from = performance.now()
    for (const [signal, left] of [['SIGTERM', DAYS - 5], ['SIGKILL', DAYS - 20]] as const) {
      const { child, url } = await start(t, databaseUrl)
      await until(url, (days) => days <= left)
      const refused = await post(url, PING)
      assert.equal(refused.status, 503)
      assert.ok(Number(refused.headers.get('retry-after')) >= 30)
      const stopping = performance.now()
      child.kill(signal)
      await once(child, 'exit')
      assert.ok(performance.now() - stopping < 5000, `it stopped after ${performance.now() - stopping} ms`)
    }
    const { child, url } = await start(t, databaseUrl)
    assert.ok(await daysLeft(url) <= DAYS - 20, 'it continues where it stopped')
    await until(url, (days) => days === 0)
    t.diagnostic(`${((performance.now() - from) / 1000).toFixed(0)} s on ${name}`)
    assert.equal((await post(url, PING)).status, 200)
    child.kill('SIGTERM')
    await once(child, 'exit')

    const db = await connect(databaseUrl)
    t.after(() => db.close())
    const [row] = await db.query<Record<string, string | number>>(`SELECT (SELECT COUNT(*) FROM pings) AS pings,
      (SELECT COUNT(*) FROM installations WHERE first_day = ${TODAY - DAYS} AND last_day = ${TODAY - 1}) AS known,
      (SELECT COUNT(*) FROM installations WHERE counted) AS counted,
      (SELECT COUNT(*) FROM daily WHERE figure = 'active' AND bucket = 'month') AS days,
      (SELECT value FROM daily WHERE figure = 'active' AND bucket = 'day' AND day = ${TODAY - 1}) AS active`)
    assert.deepEqual(Object.fromEntries(Object.entries(row!).map(([figure, value]) => [figure, Number(value)])), {
      pings: ALL + 1, known: INSTALLATIONS, counted: INSTALLATIONS, days: DAYS, active: INSTALLATIONS
    })
  })
}
