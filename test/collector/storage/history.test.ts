import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { migrate } from '../../../src/database/migrate.js'
import { openDatabase } from '../../../src/database/open.js'
import { DAY, dateOf } from '../../../src/collector/day.js'
import { parsePostgresUrl } from '../../../src/collector/storage/postgres.js'
import { migrations } from '../../../src/collector/storage/migrations.js'
import { finishDays } from '../../../src/collector/storage/figures.js'
import { createPartition } from '../../../src/collector/storage/partitions.js'
import { replayHistory } from '../../../src/collector/storage/history.js'
import { rowOf } from '../../../src/collector/storage/columns.js'
import { storePings } from '../../../src/collector/storage/pings.js'
import { inSoak } from '../../helpers/soak.js'
import { describeOnBoth } from '../both-databases.js'
import { instanceId, openTestDatabase, PING, post as postTo, startCollector } from '../start-collector.js'

const TODAY = 20_780

/** More than an installation remembers, and some days more than pings are kept. */
const HISTORY_DAYS = inSoak(120, 68)
const RETENTION_DAYS = inSoak(90, 64)

/** Several pings a day from some installations, gaps, and an address that introduces more installations than count. */
const SENT = Array.from({ length: HISTORY_DAYS }, (_, at) => Array.from({ length: inSoak(70, 30) }, (_, number) => number)
  .filter((number) => (at * 7 + number * 13) % 11 < 4 && at >= number)
  .flatMap((number) => (number % 5 === 0 ? [3, 9] : [6]).map((hour) => ({
    number,
    moment: (TODAY - HISTORY_DAYS + 1 + at) * DAY + hour * 3_600_000,
    nodejs: `v${18 + 2 * (at >> 5)}.0.0`,
    address: (number % 3 === 0 ? 'one address' : `address ${number}`).padEnd(64, '.')
  })))).flat()

/** Makes a database of release 0.2.0, with its migrations and rows. */
async function makeOldDatabase (url: string, sent = SENT): Promise<void> {
  const sequelize = await openDatabase(url.startsWith('sqlite:')
    ? { type: 'sqlite', storage: url.slice('sqlite:'.length) }
    : parsePostgresUrl(url))
  await migrate(sequelize, 'collector_migrations', migrations.filter(({ name }) => name < '05'))
  for (let at = 0; at < sent.length; at += 500) {
    const values = sent.slice(at, at + 500).map(({ number, moment, nodejs, address }) =>
      `(${moment}, '${address}', '${randomUUID()}', '${instanceId(number)}', '${nodejs}', 3)`)
    await sequelize.query(`INSERT INTO pings (received_at, address_hash, idempotency_key, instance_id, env_nodejs,
      platform_counts_users) VALUES ${values.join(', ')}`)
  }
  await sequelize.close()
}

const FIRST_KEPT = (TODAY - RETENTION_DAYS + 1) * DAY

const OPTIONS = { today: TODAY, newPerAddress: 20, retentionDays: RETENTION_DAYS }

describeOnBoth('the history of release 0.2.0', (create) => {
  test('is counted once, as if received by this release, while two collectors start and one is stopped', async (t) => {
    const old = await create(t)
    await makeOldDatabase(old)
    const migrated = await openTestDatabase(t, old, TODAY)
    const stop = new AbortController()
    let days = 0
    await replayHistory(migrated, { ...OPTIONS, signal: stop.signal, onDay: () => { if (++days === HISTORY_DAYS / 2) stop.abort() } })
    const rest = { ...OPTIONS, signal: new AbortController().signal, onDay: () => {} }
    const other = migrated.kind === 'sqlite' ? [] : [replayHistory(await openTestDatabase(t, old, TODAY), rest)]
    await Promise.all([replayHistory(migrated, rest), ...other])

    const fresh = await openTestDatabase(t, await create(t), TODAY)
    for (let day = TODAY - HISTORY_DAYS + 1; day <= TODAY; day++) {
      await fresh.transaction((statements) => createPartition(statements, day))
      const ofDay = SENT.filter(({ moment }) => Math.floor(moment / DAY) === day)
      for (const hour of [3, 6, 9]) {
        const arrivals = ofDay.filter(({ moment }) => moment % DAY === hour * 3_600_000).map(({ number, moment, nodejs, address }) => ({
          row: rowOf({ ...PING, os: null, instanceId: instanceId(number), env: { nodejs }, platform: { counts: { users: 3 } } }, moment, address, null),
          networkHash: address
        }))
        if (arrivals.length > 0) await storePings(fresh, arrivals)
      }
      await finishDays(fresh, day + (day < TODAY ? 1 : 0), OPTIONS.newPerAddress)
    }
    for (const table of ['daily ORDER BY day, figure, bucket', 'installations ORDER BY instance_id']) {
      assert.deepEqual(await migrated.query(`SELECT * FROM ${table}`), await fresh.query(`SELECT * FROM ${table}`), table)
    }
    const [kept] = await migrated.query<{ count: number | string, first: number | string }>(
      'SELECT COUNT(*) AS count, MIN(received_at) AS first FROM pings')
    assert.equal(Number(kept!.count), SENT.filter(({ moment }) => moment >= FIRST_KEPT).length)
    assert.ok(Number(kept!.first) >= FIRST_KEPT)
  })

  test('is not mistaken for pings of the future if the clock is behind', async (t) => {
    const url = await create(t)
    const sent = SENT.filter(({ moment, number }) => moment >= (TODAY - 9) * DAY && number < 5)
    await makeOldDatabase(url, sent)
    let now = (TODAY - 4) * DAY
    let log = ''
    const { app, post } = await startCollector(t, url, { logLevel: 'error' }, { now: () => now, logTo: { write: (line) => { log += line } } })
    await app.maintain()
    assert.match(log, /clock_behind/)
    assert.equal((await post(PING)).status, 503)
    now = TODAY * DAY + DAY / 2
    for (let run = 0; run < 2; run++) {
      await app.maintain()
      now += 11 * 60_000
    }
    const { body: { held } } = await postTo(`${app.listeningOrigin}/held`, { instanceId: instanceId(0) })
    const last = sent.findLast(({ number }) => number === 0)!.moment
    assert.equal(held.installation.lastDay, dateOf(Math.floor(last / DAY)))
  })

  test('with pings from 1970, by a wrong clock, is counted without the years between', async (t) => {
    const url = await create(t)
    const recent = SENT.filter(({ moment, number }) => moment >= (TODAY - 9) * DAY && number < 20)
    await makeOldDatabase(url, [...recent.slice(0, 8).map((ping) => ({ ...ping, moment: 5000 })), ...recent])
    const db = await openTestDatabase(t, url, TODAY)
    const left: number[] = []
    await replayHistory(db, { ...OPTIONS, signal: new AbortController().signal, onDay: (days) => left.push(days) })
    assert.ok(left.length < 100, `${left.length} days were counted`)
    assert.deepEqual(left.slice(-3), [2, 1, 0])
    const [known] = await db.query<{ first: number }>('SELECT MIN(first_day) AS first FROM installations')
    assert.ok(known!.first >= TODAY - 9)
  })

  test('until it is counted, pings are answered 503 with Retry-After; afterwards they are stored', async (t) => {
    const url = await create(t)
    await makeOldDatabase(url, SENT.filter(({ moment }) => moment >= (TODAY - 3) * DAY))
    const { app, post, url: collector } = await startCollector(t, url, {}, { now: () => TODAY * DAY + DAY / 2 })
    const early = await post(PING)
    assert.equal(early.status, 503)
    assert.ok(Number(early.headers.get('retry-after')) > 0)
    assert.match(early.body.error, /counting the pings of an older release; days left: 3;/)
    assert.equal((await fetch(`${collector}/health`)).status, 503)
    await app.maintain()
    assert.equal((await post(PING)).status, 200)
    assert.equal((await fetch(`${collector}/health`)).status, 200)
  })
})
