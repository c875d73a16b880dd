import assert from 'node:assert/strict'
import { after, before, describe, mock, test } from 'node:test'
import type { Sequelize } from 'sequelize'
import { openDatabase } from '../../src/lib/open-database.js'
import { describeOnBoth } from '../helpers/databases.js'
import { BOOT_MS } from '../helpers/follow-ping.js'
import { startListener } from '../helpers/listener.js'
import { HOUR_MS, letClockRun, meetFault, type Fault } from '../helpers/meet-fault.js'
import { buildPlatform, WARN } from '../helpers/platform.js'
import { startPostgres, type Postgres, type PostgresAddress } from '../helpers/postgres.js'
import { watchWaits } from '../helpers/watch-waits.js'

const away = (table: string): Fault => ({
  strike: (db) => db.query(`ALTER TABLE "${table}" RENAME TO "${table}Away"`),
  mend: (db) => db.query(`ALTER TABLE "${table}Away" RENAME TO "${table}"`)
})

/** A table of that name, but of somebody else: telemetry's migration cannot use it. */
const inTheWay: Fault = {
  strike: (db) => db.query('CREATE TABLE "TelemetryClaims" (id INTEGER)'),
  mend: (db) => db.query('DROP TABLE "TelemetryClaims"')
}

type ServerFault = Record<'strike' | 'mend', (db: Sequelize, address: PostgresAddress) => Promise<unknown>>

/** Ends every session of the platform, too, so that none goes on as before. */
const setDatabase = (setting: (name: string) => string) => async (db: Sequelize, { database }: PostgresAddress) => {
  await db.query(setting(`DATABASE "${database}"`))
  await db.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $database', { bind: { database } })
}

const faultsOfServer: [title: string, fault: ServerFault][] = [
  ['that is down', {
    strike: setDatabase((it) => `ALTER ${it} ALLOW_CONNECTIONS false`),
    mend: setDatabase((it) => `ALTER ${it} ALLOW_CONNECTIONS true`)
  }],
  ['that is read-only', {
    strike: setDatabase((it) => `ALTER ${it} SET default_transaction_read_only = on`),
    mend: setDatabase((it) => `ALTER ${it} RESET default_transaction_read_only`)
  }]
]

const faultsOfTables: [title: string, fault: Fault][] = [
  ['when the settings cannot be read', away('PlatformSettings')],
  ['when the tables cannot be counted', away('Users')],
  ['when the claim cannot be made', away('TelemetryClaims')],
  ['between the claim and the record', away('TelemetryPings')]
]

letClockRun()

describeOnBoth('a database that fails', (create) => {
  for (const [title, fault] of faultsOfTables) {
    test(`${title} keeps the ping, not the platform, and takes no later ping with it`, async (t) => {
      await meetFault(t, await create(), fault)
    })
  }

  test('while telemetry makes its tables keeps the ping, and they are made for the next one', async (t) => {
    await meetFault(t, await create(), inTheWay, { hasTables: false })
  })

  test('between the request and its completion is told the result when it is back, and so is who asks', async (t) => {
    const { strike, mend } = away('TelemetryPings')
    const listener = await startListener(t, async (response) => {
      if (listener.requests.length === 1) await strike(app.db.sequelize)
      response.end('thanks')
    })
    const address = await create()
    const { app, log } = await buildPlatform(t, { telemetry: { url: listener.url }, config: { db: address } })
    assert.equal((await app.telemetry.send()).outcome, 'delivered')
    await mend(app.db.sequelize)
    assert.deepEqual((await app.telemetry.pings()).map(({ outcome, receipt }) => [outcome, receipt]), [['delivered', 'thanks']])
    assert.equal(log.atLeast(WARN).length, 0)

    await app.telemetry.send()
    const db = await openDatabase(address)
    t.after(() => db.close())
    const [rows] = await db.query('SELECT outcome FROM "TelemetryPings"')
    assert.deepEqual(rows, [{ outcome: 'delivered' }, { outcome: 'delivered' }])
  })

  test('between two attempts ends the ping: what cannot be read is a no', async (t) => {
    const { strike, mend } = away('PlatformSettings')
    const listener = await startListener(t, (response) => { response.writeHead(503, { 'retry-after': '60' }).end() })
    const waits = watchWaits(t)
    const { app, log } = await buildPlatform(t, { telemetry: { url: listener.url }, config: { db: await create() } })
    mock.timers.tick(BOOT_MS)
    await waits.nth(1)
    await strike(app.db.sequelize)
    mock.timers.tick(HOUR_MS)
    while ((await app.telemetry.pings())[0]?.outcome === 'pending');
    await mend(app.db.sequelize)
    const [ping] = await app.telemetry.pings()
    assert.deepEqual([ping!.outcome, ping!.attempts, ping!.status], ['failed', 1, 503])
    assert.match(ping!.error!, /PlatformSettings/)
    assert.equal(listener.requests.length, 1)
    assert.equal(log.atLeast(WARN).length, 1)
  })
})

describe('a PostgreSQL', () => {
  let postgres: Postgres
  before(async () => { postgres = await startPostgres() })
  after(() => postgres.stop())

  for (const [title, { strike, mend }] of faultsOfServer) {
    for (const hasTables of [true, false]) {
      const when = hasTables ? '' : ' before telemetry has made its tables'
      test(`${title}${when} keeps the ping, not the platform, and takes no later ping with it`, async (t) => {
        const address = await postgres.createDatabase()
        const admin = await openDatabase({ ...address, database: 'postgres' })
        const fault = { strike: () => strike(admin, address), mend: () => mend(admin, address) }
        await meetFault(t, address, fault, { hasTables })
        await admin.close()
      })
    }
  }
})
