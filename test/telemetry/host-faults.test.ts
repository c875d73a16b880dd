import assert from 'node:assert/strict'
import { after, before, describe, mock, test } from 'node:test'
import { openDatabase, type DatabaseAddress } from '../../src/database/open.js'
import { away, faultsOfServer, noRoom } from '../helpers/database-faults.js'
import { describeOnBoth, describeOnSqlite } from '../helpers/databases.js'
import { BOOT_MS } from '../helpers/follow-ping.js'
import { CONFIRMATION, startListener } from '../helpers/listener.js'
import { letClockRun, meetFault, type Fault } from '../helpers/meet-fault.js'
import { buildPlatform, WARN } from '../helpers/platform.js'
import { startPostgres, type Postgres } from '../helpers/postgres.js'
import { inSoak, someOf } from '../helpers/soak.js'
import { watchWaits } from '../helpers/watch-waits.js'
import { until } from '../helpers/within.js'

/** As long as the collector asks to wait. */
const MINUTE_MS = 60_000

/** A table of the same name that another program made: telemetry cannot use it. */
const inTheWay = (table: string): Fault => ({
  strike: (db) => db.query(`CREATE TABLE "${table}" (id INTEGER)`),
  mend: (db) => db.query(`DROP TABLE "${table}"`)
})

const faultsOfTables: [title: string, fault: Fault][] = [
  ['when the settings cannot be read', away('PlatformSettings')],
  ['when the tables cannot be counted', away('Users')],
  ['when the claim cannot be made', away('TelemetryClaims')],
  ['between the claim and the record', away('TelemetryPings')]
]

letClockRun()

/** In npm test each database has one of them. */
const TABLES = ['TelemetryClaims', 'TelemetryPings']

describeOnSqlite('a database that fails', (create) => { testFaults(create, faultsOfTables, someOf(TABLES, 0)) })

function testFaults (create: () => Promise<DatabaseAddress>, ofTables: typeof faultsOfTables, foreign: string[]): void {
  for (const [title, fault] of ofTables) {
    test(`${title} drops the ping, the platform keeps running, and later pings are sent`, async (t) => {
      await meetFault(t, await create(), fault)
    })
  }

  for (const table of foreign) {
    test(`with a foreign ${table} table drops the ping, and creates the tables for the next one`, async (t) => {
      await meetFault(t, await create(), inTheWay(table), { hasTables: false })
    })
  }
}

inSoak(describeOnBoth, describeOnSqlite)('a database', (create) => {
  test('that is away when a request completes gets the result once it is back, and so does the caller', async (t) => {
    const { strike, mend } = away('TelemetryPings')
    const listener = await startListener(t, async (response) => {
      if (listener.requests.length === 1) await strike(app.db.sequelize)
      response.end(CONFIRMATION)
    })
    const address = await create()
    const { app, log } = await buildPlatform(t, { telemetry: { url: listener.url }, config: { db: address } })
    assert.equal((await app.telemetry.send()).outcome, 'delivered')
    await mend(app.db.sequelize)
    assert.deepEqual((await app.telemetry.pings()).map(({ outcome, receipt }) => [outcome, receipt]), [['delivered', CONFIRMATION]])
    assert.equal(log.atLeast(WARN).length, 0)

    await app.telemetry.send()
    const db = await openDatabase(address)
    t.after(() => db.close())
    const [rows] = await db.query('SELECT outcome FROM "TelemetryPings"')
    assert.deepEqual(rows, [{ outcome: 'delivered' }, { outcome: 'delivered' }])
  })

  test('that cannot be read between two attempts ends the ping: unreadable consent counts as refused', async (t) => {
    const { strike, mend } = away('PlatformSettings')
    const listener = await startListener(t, (response) => { response.writeHead(503, { 'retry-after': '60' }).end() })
    const waits = watchWaits(t)
    const { app, log } = await buildPlatform(t, { telemetry: { url: listener.url }, config: { db: await create() } })
    mock.timers.tick(BOOT_MS)
    await waits.nth(1)
    await strike(app.db.sequelize)
    // An hour later the ping would be shown as interrupted until its failure is saved.
    mock.timers.tick(MINUTE_MS)
    await until('the ping has ended', async () => (await app.telemetry.pings())[0]?.outcome !== 'pending')
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

  testFaults(() => postgres.createDatabase(), someOf(faultsOfTables, 2), someOf(TABLES, 1))

  for (const [place, [title, { strike, mend }]] of faultsOfServer.entries()) {
    for (const hasTables of someOf([true, false], place)) {
      const when = hasTables ? '' : ' before telemetry creates its tables'
      test(`${title}${when} drops the ping, the platform keeps running, and later pings are sent`, async (t) => {
        const address = await postgres.createDatabase()
        const admin = await openDatabase({ ...address, database: 'postgres' })
        const fault = { strike: () => strike(admin, address), mend: () => mend(admin, address) }
        await meetFault(t, address, fault, { hasTables })
        await admin.close()
      })
    }
  }

  test('that is full drops the ping, the platform keeps running, and later pings are sent', async (t) => {
    await meetFault(t, await postgres.createDatabase(), noRoom('TRIGGER full_disk BEFORE INSERT ON "TelemetryPings"', 'trigger'))
  })

  test('that is full before telemetry creates its tables drops the ping, and later pings are sent', async (t) => {
    const fault = noRoom("EVENT TRIGGER full_disk ON ddl_command_start WHEN TAG IN ('CREATE TABLE')", 'event_trigger')
    await meetFault(t, await postgres.createDatabase(), fault, { hasTables: false })
  })
})
