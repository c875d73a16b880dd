import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { QueryOptions } from 'sequelize'
import { startListener } from '../../helpers/listener.js'
import { holdTable } from '../../helpers/hold-table.js'
import { buildPlatform } from '../../helpers/platform.js'
import { startPostgres } from '../../helpers/postgres.js'

const LIMIT_MS = 5_000

/** Rows that take SQLite ten seconds to count: longer than this test, which ends even if the count is not given up. */
const ENDLESS = 50_000_000

const OPTIONS = { concurrency: true, timeout: 30_000 }
describe('a count that takes too long is given up without blocking the platform', OPTIONS, () => {
  test('on SQLite', async (t) => {
    const listener = await startListener(t)
    const { app } = await buildPlatform(t, { telemetry: { url: listener.url } })
    const { sequelize } = app.db
    await sequelize.query('ALTER TABLE Projects RENAME TO SomeProjects')
    await sequelize.query(`CREATE VIEW Projects AS
      WITH RECURSIVE n(id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM n LIMIT ${ENDLESS}) SELECT id FROM n`)
    t.mock.timers.enable({ apis: ['setInterval'] })
    let begun = () => {}
    const counting = new Promise<void>((resolve) => { begun = resolve })
    sequelize.addHook('beforeQuery', ({ transaction }: QueryOptions) => { if (transaction) begun() })
    const end = { over: false }
    const sending = assert.rejects(app.telemetry.send(), /SQLITE_INTERRUPT/).finally(() => { end.over = true })
    await counting
    assert.equal(await app.db.models.User.count(), 0)
    // Only a running statement can be interrupted, and SQLite does not report when it starts one.
    while (!end.over) {
      t.mock.timers.tick(LIMIT_MS)
      await new Promise(setImmediate)
    }
    await sending
    assert.equal(listener.connections(), 0)
  })

  test('on PostgreSQL', async (t) => {
    const postgres = await startPostgres()
    t.after(() => postgres.stop())
    const listener = await startListener(t)
    const address = await postgres.createDatabase()
    const { app } = await buildPlatform(t, { telemetry: { url: listener.url }, config: { db: address } })
    const hold = await holdTable(address, 'Projects')
    const sending = assert.rejects(app.telemetry.send(), /statement timeout/)
    await hold.reached()
    assert.equal(await app.db.models.User.count(), 0)
    await sending
    await hold.release()
    assert.equal((await app.telemetry.send()).outcome, 'delivered')
  })
})
