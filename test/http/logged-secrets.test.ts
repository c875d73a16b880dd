import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from '../helpers/client.js'
import { describeOnBoth } from '../helpers/databases.js'
import { buildPlatform } from '../helpers/platform.js'
import { asSecretUser, SecretSearch, SECRETS } from '../helpers/secret-search.js'

const { name, username, email, password, wrongPassword } = SECRETS

/** On PostgreSQL the error quotes the row. On SQLite a trigger can only raise a fixed text. */
const TRIGGER = {
  sqlite: `CREATE TRIGGER told BEFORE INSERT ON "Sessions" BEGIN SELECT RAISE(ABORT, '${email}'); END`,
  postgres: `CREATE FUNCTION tell () RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''%'', NEW; END';
    CREATE TRIGGER told BEFORE INSERT ON "Users" FOR EACH ROW EXECUTE FUNCTION tell()`
}

const FAULTS: [what: string, statements: Record<'sqlite' | 'postgres', string>][] = [
  ['an INSERT of an account', both('ALTER TABLE "Users" RENAME COLUMN "email" TO "mail"')],
  ['an INSERT of a session', both('DROP TABLE "Sessions"')],
  ['a SELECT of an account', both('ALTER TABLE "Users" RENAME COLUMN "password" TO "hash"')],
  ['a value of the wrong type', {
    sqlite: 'ALTER TABLE "Users" RENAME COLUMN "name" TO "title"',
    postgres: 'ALTER TABLE "Users" ALTER COLUMN "email" TYPE integer USING 0'
  }],
  ['a quoted row', {
    sqlite: 'ALTER TABLE "Sessions" RENAME COLUMN "UserId" TO "Nobody"',
    postgres: 'ALTER TABLE "Users" ADD COLUMN "missing" integer NOT NULL'
  }],
  ['a trigger that quotes a value', TRIGGER]
]

function both (statement: string) {
  return { sqlite: statement, postgres: statement }
}

describeOnBoth('a database error puts no secret into the answer or the log, at any level', (create) => {
  for (const [what, statements] of FAULTS) {
    test(what, async (t) => {
      const address = await create()
      const db = address.type === 'postgres' ? await asSecretUser(address) : address
      const { app, log } = await buildPlatform(t, {
        telemetry: { url: 'http://127.0.0.1:9', enabled: false }, config: { db }, initialised: false, level: 'trace'
      })
      const client = new Client(app)
      const _csrf = await client.csrfToken()
      await app.db.sequelize.query(statements[address.type])
      const answers = [
        await client.post('/setup/create-user', { name, username, email, password, _csrf }),
        await client.post('/account/login', { username, password }),
        await client.post('/account/login', { username, password: wrongPassword })
      ]
      assert.ok(answers.some(({ statusCode }) => statusCode === 500))
      const search = new SecretSearch()
      search.hide({ ...SECRETS, _csrf, hash: 'argon2id', statement: 'INSERT INTO', query: 'parameters' })
      search.hide(Object.fromEntries(Object.entries(client.cookies).filter(([, value]) => value)))
      search.see('log', ...log.lines.map((line) => JSON.stringify(line)))
      search.see('answer', ...answers.map(({ body }) => body))
      search.assertNone()
      await log.find(/a request failed/)
    })
  }
})
