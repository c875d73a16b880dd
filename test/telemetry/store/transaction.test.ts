import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { QueryOptions, Sequelize } from 'sequelize'
import { startListener } from '../../helpers/listener.js'
import { holdTable } from '../../helpers/hold-table.js'
import { buildPlatform } from '../../helpers/platform.js'
import { startPostgres } from '../../helpers/postgres.js'
import { isSoak } from '../../helpers/soak.js'

const LIMIT_MS = 5_000

/** Rows that take SQLite ten seconds to count: longer than this test, which ends even if the count is not given up. */
const ENDLESS = 50_000_000

/** Makes the server give up ten times as soon. Returns the limits that were asked for, in milliseconds. */
function shorten (sequelize: Sequelize): number[] {
  const limits: number[] = []
  const query = sequelize.query.bind(sequelize) as (sql: string, ...rest: unknown[]) => Promise<unknown>
  sequelize.query = ((sql: string, ...rest: unknown[]) => query(sql.replace(/^(SET LOCAL statement_timeout = )(\d+)$/, (_all, set: string, limit: string) => {
    limits.push(Number(limit))
    return `${set}${Math.ceil(Number(limit) / 10)}`
  }), ...rest)) as typeof sequelize.query
  return limits
}

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
    const limits = isSoak ? [] : shorten(app.db.sequelize)
    const sending = assert.rejects(app.telemetry.send(), /statement timeout/)
    await hold.reached()
    assert.equal(await app.db.models.User.count(), 0)
    await sending
    for (const limit of limits) assert.ok(limit > 0 && limit <= LIMIT_MS, `${limit} ms`)
    assert.equal(limits.length > 0, !isSoak)
    await hold.release()
    assert.equal((await app.telemetry.send()).outcome, 'delivered')
  })
})
