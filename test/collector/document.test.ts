/** Checks the statements of docs/collector.md that no other test covers. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { DAY, dayOf } from '../../src/collector/day.js'
import { migrate } from '../../src/database/migrate.js'
import { openDatabase } from '../../src/database/open.js'
import { migrations } from '../../src/collector/storage/migrations.js'
import { parsePostgresUrl } from '../../src/collector/storage/postgres.js'
import { startPostgres, type Postgres } from '../helpers/postgres.js'
import { without } from '../helpers/tools.js'
import { instanceId, openTestDatabase, postgresUrl, sqliteUrl, startCollector } from './start-collector.js'

const TEXT = readFileSync('docs/collector.md', 'utf8')
const TOKEN = 'the-token-of-the-tests'

let postgres: Postgres
before(async () => { postgres = await startPostgres() })
after(() => postgres.stop())

const skip = without('openssl', 'curl')

test('the first commands make a valid key and a ping that is stored', { skip }, async (t) => {
  const [, key, ping] = /```sh\nCOLLECTOR_IP_HASH_KEY=\$\((.*)\) npm run collector\n(curl [^]*?)```/.exec(TEXT)!
  const run = promisify(execFile)
  const { stdout: ipHashKey } = await run('sh', ['-c', key!])
  const { url, rows } = await startCollector(t, await sqliteUrl(t), { ipHashKey: ipHashKey.trim() })
  const { stdout } = await run('sh', ['-c', ping!.replace('http://127.0.0.1:8080', url).replace('curl', 'curl -s')])
  const [row] = await rows()
  assert.equal(JSON.parse(stdout).received.instanceId, row!.instance_id)
})

/** The commands named within a line, and the file that runs each. */
const NAMED: Record<string, [file: string, asWhat: string]> = {
  'npm run demo -- --report': ['test/docs/demo.test.ts', "runProgram(script!), '--report'"],
  'npm run bench:collector': ['package.json', '"bench:collector"'],
  'npm run bench:report': ['package.json', '"bench:report"'],
  'npx flowforge-collector': ['test/embedding/package.test.ts', 'bin/flowforge-collector.js'],
  // test/docs/operations.test.ts runs the code blocks.
  'pg_dump --exclude-table-data=salts': ['docs/operations.md', 'pg_dump --format=custom --exclude-table-data=salts']
}

test('each command named within a line is run by a test or a script', () => {
  const commands = [...TEXT.matchAll(/`((?:npm|npx|node|pg_\w+|psql|curl|openssl|systemctl|docker|sqlite3) [^`]*)`/g)].map(([, command]) => command!)
  assert.ok(commands.length >= 5)
  for (const command of commands) {
    const [file, asWhat] = NAMED[command] ?? []
    assert.ok(file, `nothing runs "${command}"`)
    assert.ok(readFileSync(file, 'utf8').includes(asWhat!), `${file} does not run "${command}"`)
  }
})

test('each SQL statement of the document runs on the database it is written for', async (t) => {
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

test('the document names exactly the existing metrics and addresses', async (t) => {
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
