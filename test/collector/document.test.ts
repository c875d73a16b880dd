/** What docs/collector.md states and what alone is tested nowhere else. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { DAY, dayOf } from '../../src/collector/day.js'
import { migrate } from '../../src/database/migrate.js'
import { openDatabase } from '../../src/database/open.js'
import { migrations } from '../../src/collector/storage/migrations.js'
import { parsePostgresUrl } from '../../src/collector/storage/postgres.js'
import { startPostgres, type Postgres } from '../helpers/postgres.js'
import { instanceId, openTestDatabase, postgresUrl, startCollector } from './start-collector.js'

const TEXT = readFileSync('docs/collector.md', 'utf8')
const TOKEN = 'the-token-of-the-tests'

let postgres: Postgres
before(async () => { postgres = await startPostgres() })
after(() => postgres.stop())

test('each SQL statement of the document runs on a database that it is meant for', async (t) => {
  const statements = [...TEXT.matchAll(/```sql\n([^]*?)```/g)].map(([, sql]) => sql!)
  assert.ok(statements.length >= 2)
  for (const sql of statements) {
    const url = await postgresUrl(postgres)
    if (sql.includes('history')) await makeHistory(url)
    const db = await openTestDatabase(t, url, dayOf(Date.now()))
    const rows = await db.query(sql)
    if (sql.includes('history')) assert.equal(rows.length, 1)
  }
})

/** A database of release 0.2.0 with one ping. */
async function makeHistory (url: string): Promise<void> {
  const sequelize = await openDatabase(parsePostgresUrl(url))
  await migrate(sequelize, 'collector_migrations', migrations.filter(({ name }) => name < '05'))
  await sequelize.query(`INSERT INTO pings (received_at, address_hash, instance_id) VALUES (${Date.now() - DAY}, 'a', '${instanceId(1)}')`)
  await sequelize.close()
}

test('the document names every metric and every address, and no other', async (t) => {
  const { app, url } = await startCollector(t, await postgresUrl(postgres), { reportToken: TOKEN, public: true })
  const text = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })).text()
  const metrics = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!)
  assert.deepEqual([...new Set([...TEXT.matchAll(/`(collector_(?!migrations)[a-z_]+)`/g)].map(([, name]) => name!))].toSorted(), metrics.toSorted())
  for (const [, method, paths] of TEXT.matchAll(/^\| `(GET|POST) ([^|]*?) \|/gm)) {
    for (const path of paths!.match(/\/[a-z.]*(?=`|\/$)/g) ?? []) {
      assert.ok(app.hasRoute({ method: method as 'GET' | 'POST', url: path }), `${method} ${path}`)
    }
  }
})
