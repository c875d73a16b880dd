import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from '../helpers/client.js'
import { describeOnBoth } from '../helpers/databases.js'
import { buildPlatform } from '../helpers/platform.js'

const ACCOUNT = { name: 'canary name', username: 'canary-user', email: 'canary@example.com', password: 'canary password' }
const SECRET = /canary|argon2id|"sql"|parameters|INSERT|SELECT/

const FAULTS: [what: string, statements: Record<'sqlite' | 'postgres', string>][] = [
  ['an INSERT of an account', both('ALTER TABLE "Users" RENAME COLUMN "email" TO "mail"')],
  ['an INSERT of a session', both('DROP TABLE "Sessions"')],
  ['a SELECT of an account', both('ALTER TABLE "Users" RENAME COLUMN "password" TO "hash"')],
  ['a value of the wrong type', {
    sqlite: 'ALTER TABLE "Users" RENAME COLUMN "name" TO "title"',
    postgres: 'ALTER TABLE "Users" ALTER COLUMN "email" TYPE integer USING 0'
  }],
  ['a row that is quoted', {
    sqlite: 'ALTER TABLE "Sessions" RENAME COLUMN "UserId" TO "Nobody"',
    postgres: 'ALTER TABLE "Users" ADD COLUMN "missing" integer NOT NULL'
  }]
]

function both (statement: string) {
  return { sqlite: statement, postgres: statement }
}

describeOnBoth('an error of the database leaves no secret in the log, at any level, nor in the answer', (create) => {
  for (const [what, statements] of FAULTS) {
    test(what, async (t) => {
      const address = await create()
      const { ssl, ...db } = { ssl: false, ...address }
      const { app, log } = await buildPlatform(t, {
        telemetry: { url: 'http://127.0.0.1:9', enabled: false }, config: { db }, initialised: false, level: 'trace'
      })
      const client = new Client(app)
      const _csrf = await client.csrfToken()
      await app.db.sequelize.query(statements[address.type])
      const answers = [
        await client.post('/setup/create-user', { ...ACCOUNT, _csrf }),
        await client.post('/account/login', { username: ACCOUNT.username, password: ACCOUNT.password })
      ]
      assert.ok(answers.some(({ statusCode }) => statusCode === 500))
      const told = [...log.lines, ...answers.map(({ body }) => body)].map((line) => JSON.stringify(line)).join('\n')
      assert.match(told, /a request failed/)
      assert.doesNotMatch(told, SECRET)
      for (const value of [_csrf, ...Object.values(client.cookies).filter(Boolean)]) assert.ok(!told.includes(value))
    })
  }
})
