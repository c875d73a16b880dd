import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import type { FastifySchema, RouteOptions } from 'fastify'
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { accountSchema } from '../../src/accounts/schema.js'
import { ACCOUNT, buildNewPlatform, Client, setUp } from '../helpers/client.js'
import { assertBounded, CHARACTERS, HEADER_CHARACTERS, measure, textOf } from '../helpers/long-texts.js'
import { inSoak, someOf } from '../helpers/soak.js'
import { collectRoutes } from './routes.js'

const SHORT = 500
const LONG = 50_000

const ENDINGS = someOf(['', '\x01', '@', ' ', 'a', '.'], 1, 2, 5)

interface Field { name: string, check: (value: string) => unknown }

/** Each text in the body, query or path of any route, with its check. */
function findTextFields (routes: RouteOptions[]): Field[] {
  return routes.flatMap((route) => (['body', 'querystring', 'params'] as const).flatMap((part) => {
    const schema = (route.schema as FastifySchema | undefined)?.[part] as TSchema & { properties: object } | undefined
    if (!schema) return []
    const validate = TypeBoxValidatorCompiler({ schema, httpPart: part } as never) as (value: unknown) => unknown
    return Object.entries(schema.properties)
      .filter(([, { type }]) => type === 'string')
      .map(([name]) => ({ name: `${route.url} ${part} ${name}`, check: (value: string) => validate({ [name]: value }) }))
  }))
}

test('each text of each route is checked in time at most linear in its length', async (t) => {
  const routes = collectRoutes(t)
  await buildNewPlatform(t)
  const fields = findTextFields(routes)
  assert.ok(fields.some(({ name }) => name === '/setup/create-user body name'))
  for (const { name, check } of fields) {
    for (const character of CHARACTERS) {
      for (const ending of ENDINGS) {
        const short = await measure(() => check(textOf(SHORT, character, ending)))
        const long = await measure(() => check(textOf(LONG, character, ending)))
        // Allow a factor of five for noise, and some milliseconds for garbage collection.
        assert.ok(long < short * 5 * LONG / SHORT + 20, `${name}: ${JSON.stringify(character)}, ${long} ms beside ${short} ms`)
      }
    }
  }
})

/** Below the 16 KiB that Node.js allows for all headers. */
const LONGEST_HEADER = 14_000

const HEADERS = ['accept', 'content-type', 'cookie', 'csrf-token', 'host', 'origin', 'sec-fetch-site', 'x-forwarded-for',
  'x-forwarded-host', 'x-forwarded-proto', 'if-none-match', 'range']

const PATHS = ['/account/login?next=/', '/', '/assets/', '/admin/settings/telemetry/pings/', '/admin/settings/telemetry?pings=']

/** All in the soak test; else the next character gets others. */
const everyThird = <Entry>(list: Entry[], place: number) => list.filter((_entry, index) => inSoak(true, (index + place) % 3 === 0))

test('each header and each address is read in nearly constant time', async (t) => {
  const app = await buildNewPlatform(t, { config: { trust_proxy: ['127.0.0.1'] } })
  const { cookies } = await setUp(app)
  for (const [place, character] of HEADER_CHARACTERS.entries()) {
    for (const name of everyThird(HEADERS, place)) {
      await assertBounded(`${name} ${character}`, (length) => app.inject({
        method: 'POST', url: '/account/login', payload: '{}', headers: { 'content-type': 'application/json', [name]: `x${textOf(length, character)}` }
      }), [100, LONGEST_HEADER])
    }
    for (const url of everyThird(PATHS, place)) {
      await assertBounded(`${url} ${character}`, (length) => (
        app.inject({ url: url + encodeURI(textOf(length, character)), cookies, headers: { accept: 'text/html' } })), [100, LONGEST_HEADER])
    }
  }
})

test('a pattern of an account does not read past the longest allowed text', () => {
  for (const [name, property] of Object.entries(accountSchema.properties)) {
    const { pattern, maxLength } = property as { pattern?: string, maxLength?: number }
    if (!pattern) continue
    const steps = [...pattern.matchAll(/\{\d+,(\d+)\}/g)].map(([, most]) => Number(most))
    assert.doesNotMatch(pattern, /[*+](?![^[]*\])/, name)
    assert.ok(steps.every((most) => most <= maxLength!), name)
  }
})

describe('an account', () => {
  const check = Compile(accountSchema)
  for (const [what, wrong, isRight] of [
    ['accepts the longest name', { name: 'a'.repeat(128) }, true],
    ['accepts the longest name in any script', { name: '😀'.repeat(128) }, true],
    ['accepts a name with spaces around it', { name: `${' '.repeat(60)}Ada${' '.repeat(65)}` }, true],
    ['accepts the longest email', { email: `${'a'.repeat(64)}@${'b'.repeat(61)}.${'c'.repeat(61)}.${'d'.repeat(61)}.de` }, true],
    ['rejects a longer name', { name: 'a'.repeat(129) }, false],
    ['rejects a name of only spaces', { name: ' '.repeat(128) }, false],
    ['rejects a name with a control character', { name: 'Ada\x1fLovelace' }, false],
    ['rejects a username with a space', { username: 'ada lovelace' }, false],
    ['rejects an email with two @ signs', { email: 'a@b@c' }, false]
  ] as const) {
    test(what, () => { assert.equal(check.Check({ ...ACCOUNT, ...wrong }), isRight) })
  }
})

test('a body of more than 16 KiB is refused before it is read', async (t) => {
  const client = new Client(await buildNewPlatform(t))
  const _csrf = await client.csrfToken()
  const response = await client.post('/setup/create-user', { ...ACCOUNT, name: 'a'.repeat(16 * 1024), _csrf })
  assert.equal(response.statusCode, 413)
})

test('a body with thousands of unknown fields is answered in time linear in its length', async (t) => {
  const client = new Client(await buildNewPlatform(t))
  const bodyOf = (fields: number) => Object.fromEntries(Array.from({ length: fields }, (_, n) => [n.toString(36), 1]))
  const time = async (fields: number) => {
    const before = process.cpuUsage()
    assert.equal((await client.post('/account/login', bodyOf(fields))).statusCode, 400)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1_000
  }
  await time(1_200)
  const [short, long] = [await time(120), await time(1_200)]
  assert.ok(long < short * 50 + 20, `${long} ms beside ${short} ms`)
})
