import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { rowOf } from '../../../src/collector/storage/columns.js'
import { openCollectorDatabase } from '../../../src/collector/storage/database.js'
import { storeRows } from '../../../src/collector/storage/pings.js'
import { startPostgres, type Postgres } from '../../helpers/postgres.js'
import { PING, postgresUrl, sqliteUrl, startCollector } from '../start-collector.js'

let postgres: Postgres
before(async () => { postgres = await startPostgres() })
after(() => postgres.stop())

for (const name of ['SQLite', 'PostgreSQL']) {
  test(`on ${name} a batch with a key that is there already stores the rest, and is answered with what is stored`, async (t) => {
    const db = await openCollectorDatabase(name === 'SQLite' ? await sqliteUrl(t) : await postgresUrl(postgres))
    t.after(() => db.close())
    const [first, again, keyless] = [1, 2, 3].map((moment) => rowOf(PING, moment, 'h'.repeat(64), moment === 3 ? null : 'key'))
    assert.deepEqual(await storeRows(db, [first!]), [first])
    const stored = await storeRows(db, [again!, keyless!])
    assert.deepEqual(stored.map(([receivedAt]) => Number(receivedAt)), [1, 3])
    const [rows] = await db.query('SELECT received_at FROM pings ORDER BY id')
    assert.deepEqual((rows as { received_at: string }[]).map(({ received_at: moment }) => Number(moment)), [1, 3])
  })
}

test('a ping that the database has no characters for fails alone, and is told so', async (t) => {
  const url = await postgresUrl(postgres)
  const admin = await openCollectorDatabase(url)
  await admin.query("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
  await admin.close()
  const { post, rows } = await startCollector(t, url.replace(/[^/]*$/, 'latin'))
  const named = (type: string) => post({ ...PING, os: { ...PING.os, type } })
  const answers = await Promise.all(['Linux', 'リナックス', 'Darwin'].map(named))
  assert.deepEqual(answers.map(({ status }) => status), [200, 400, 200])
  assert.deepEqual(answers[1]!.body, { status: 'error', error: 'the ping holds a value that cannot be stored' })
  assert.equal((await rows()).length, 2)
})
