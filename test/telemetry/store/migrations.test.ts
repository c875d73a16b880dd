import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { QueryTypes } from 'sequelize'
import { openDatabase } from '../../../src/database/open.js'
import { PingLog } from '../../../src/telemetry/store/ping-log.js'
import { describeOnBoth } from '../../helpers/databases.js'
import { startListener } from '../../helpers/listener.js'
import { buildPlatform, temporaryDirectory } from '../../helpers/platform.js'

/** The tables that release 0.2.0 created on PostgreSQL. A SQLite file of that release is in test/fixtures. */
const RELEASE_0_2_0 = [
  'CREATE TABLE "TelemetryMigrations" (name VARCHAR(255) PRIMARY KEY)',
  'CREATE TABLE "TelemetryClaims" ("kind" VARCHAR(255), "claimedAt" TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY ("kind"))',
  `CREATE TABLE "TelemetryPings" ("id" SERIAL, "kind" VARCHAR(255) NOT NULL, "sentAt" TIMESTAMP WITH TIME ZONE NOT NULL,
    "idempotencyKey" VARCHAR(255) NOT NULL, "body" TEXT NOT NULL, "outcome" VARCHAR(255) NOT NULL, "status" INTEGER,
    "attempts" INTEGER NOT NULL, "durationMs" INTEGER, "receipt" TEXT, "error" TEXT, PRIMARY KEY ("id"))`,
  'INSERT INTO "TelemetryMigrations" VALUES (\'2026-11-23-01-telemetry\')',
  `INSERT INTO "TelemetryClaims"
    VALUES ('boot', '2026-11-24 03:12:10.123 +00:00'), ('daily', '2026-11-24 03:12:10.123 +00:00')`,
  `INSERT INTO "TelemetryPings" (kind, "sentAt", "idempotencyKey", body, outcome, status, attempts, error)
    VALUES ('daily', '2026-11-24 03:12:10.123 +00:00', 'key', '{}', 'failed', NULL, 4, 'ECONNREFUSED: connect ECONNREFUSED')`
]

const SENT_AT = '2026-11-24T03:12:10.123Z'

describeOnBoth('a database of release 0.2.0', (create) => {
  test('keeps its log and its claims, and stores new pings', async (t) => {
    const address = await create()
    if (address.type === 'sqlite') copyFileSync('test/fixtures/release-0.2.0.db', address.storage)
    const sequelize = await openDatabase(address)
    t.after(() => sequelize.close())
    if (address.type === 'postgres') for (const statement of RELEASE_0_2_0) await sequelize.query(statement)
    const log = new PingLog(sequelize)

    // The tables stay unchanged until the first ping of the new release.
    const [old] = await log.list()
    assert.equal(old!.sentAt.toISOString(), SENT_AT)
    assert.deepEqual(
      [old!.url, old!.errorCode, old!.error, old!.contentType, old!.nextAttemptAt],
      [null, null, 'ECONNREFUSED: connect ECONNREFUSED', null, null])

    const ping = (sentAt: string, idempotencyKey: string) => (
      { kind: 'daily', sentAt: new Date(sentAt), idempotencyKey, url: 'http://127.0.0.1:1/', body: '{}' } as const)
    assert.equal(await log.record(ping('2026-11-24T20:00:00Z', 'again')), undefined)
    const recorded = await log.record(ping('2026-11-25T03:12:10Z', 'next'))
    assert.deepEqual([recorded!.id, recorded!.url], [2, 'http://127.0.0.1:1/'])
    assert.deepEqual((await log.list()).map(({ id }) => id), [2, 1])
    const migrations = await sequelize.query('SELECT name FROM "TelemetryMigrations"', { type: QueryTypes.SELECT })
    assert.equal(migrations.length, 3)
  })
})

test('a platform on the data of release 0.2.0 starts, shows its log, and sends', async (t) => {
  const home = temporaryDirectory(t)
  mkdirSync(join(home, 'var'))
  copyFileSync('test/fixtures/release-0.2.0.db', join(home, 'var', 'flowforge.db'))
  const listener = await startListener(t)
  const { app } = await buildPlatform(t, { telemetry: { url: listener.url }, home })
  assert.deepEqual((await app.telemetry.pings()).map(({ kind, outcome }) => [kind, outcome]), [['daily', 'failed']])
  assert.equal((await app.telemetry.send()).outcome, 'delivered')
  const { instanceId } = JSON.parse((await listener.next()).body)
  assert.equal(instanceId, '7816a1cc-a3df-4b01-acec-da67483eb15e')
  assert.equal((await app.telemetry.pings()).length, 2)
})
