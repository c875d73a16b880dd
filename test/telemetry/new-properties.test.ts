import assert from 'node:assert/strict'
import { after, describe, test, type TestContext } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { runCommand, runCommandProcess } from '../cli/run-command.js'
import { PING, post, sqliteUrl, startCollector, KEY } from '../collector/start-collector.js'
import { pingProperties, propertiesSince } from '../../src/telemetry/ping.js'
import { SCHEMA_VERSION } from '../../src/telemetry/types.js'
import { ACCOUNT, Client, setUp } from '../helpers/client.js'
import { startListener } from '../helpers/listener.js'
import { createNextRelease, NEXT_VERSION } from '../helpers/next-release.js'
import { buildPlatform, temporaryDirectory, type PlatformOptions } from '../helpers/platform.js'
import { isSoak } from '../helpers/soak.js'

const next = createNextRelease({ after })

const PAGE = '/admin/settings/telemetry'
const NEW = ['os.memory', 'machine.cores']

/** The properties of the first release. A new property gets a new version. */
const FIRST = [
  'instanceId', 'os.type', 'os.release', 'os.arch', 'env.nodejs', 'env.flowforge',
  'platform.counts.users', 'platform.counts.teams', 'platform.counts.projects', 'platform.config.driver'
]

/** What today's release can send besides. */
const SINCE_THE_FIRST = pingProperties.filter(({ schema }) => schema.since > 1).map(({ path }) => path)

test('version 1 keeps its properties, and the schema version is that of the newest property', () => {
  assert.deepEqual(pingProperties.filter(({ schema }) => schema.since === 1).map(({ path }) => path), FIRST)
  assert.equal(SCHEMA_VERSION, Math.max(...pingProperties.map(({ schema }) => schema.since)))
  assert.deepEqual([propertiesSince(0), propertiesSince(SCHEMA_VERSION)], [pingProperties, []])
})

const hasNew = (text: string) => {
  const { os, machine } = JSON.parse(text)
  assert.equal(os.memory === 4096, machine?.cores === 8)
  return machine !== undefined
}

/** Starts the next release on the data of the current one, whose administrator has opted in. */
async function upgrade (t: TestContext, answer: boolean | 'nothing' = true) {
  const listener = await startListener(t)
  const home = temporaryDirectory(t)
  const options: PlatformOptions = { telemetry: { url: listener.url }, home }
  const today = await buildPlatform(t, { ...options, initialised: answer === 'nothing' })
  if (answer !== 'nothing') await setUp(today.app, answer)
  await today.app.close()
  const platform = await buildPlatform(t, { ...options, release: await next.load('src/app.ts') })
  const sendOnce = async () => {
    await assert.doesNotReject(platform.app.telemetry.send())
    return (await listener.next()).body
  }
  return { ...platform, listener, sendOnce }
}

async function signIn (app: FastifyInstance): Promise<Client> {
  const client = new Client(app)
  const _csrf = await client.csrfToken('/account/login')
  const { username, password } = ACCOUNT
  await client.post('/account/login', { username, password, _csrf })
  return client
}

describe('after an upgrade that adds properties', () => {
  test('pings keep the agreed ones; log, page and API name the new ones; opting in adds them', async (t) => {
    const { app, log, sendOnce } = await upgrade(t)
    const { level, msg } = await log.find(/can also send/)
    assert.equal(level, 30)
    assert.equal(msg, 'The telemetry of this release can also send os.memory, machine.cores. ' +
      'That is not sent until an administrator has agreed in Admin Settings.')
    const sent = await sendOnce()
    assert.equal(hasNew(sent), false)
    assert.equal(await app.telemetry.preview(), sent)

    const client = await signIn(app)
    const before = (await client.get(PAGE)).body
    assert.match(before, /not sent until you agree[^]*os\.memory[^]*How much memory there is[^]*To fit into it\.[^]*machine\.cores/)
    const { newProperties } = (await client.request({ url: '/api/v1/telemetry' })).json()
    assert.deepEqual(newProperties.map(({ path }: { path: string }) => path), NEW)

    const _csrf = /name="_csrf" value="([^"]+)"/.exec(before)![1]!
    const response = await client.postForm(PAGE, { 'telemetry:enabled': 'true', _csrf })
    assert.equal(response.statusCode, 303)
    assert.equal(hasNew(await sendOnce()), true)
    assert.doesNotMatch((await client.get(PAGE)).body, /not sent until you agree/)
    assert.deepEqual((await app.decisions.list()).map(({ way, schemaVersion }) => [way, schemaVersion]), [['page', NEXT_VERSION], ['wizard', SCHEMA_VERSION]])
  })

  test('the command line names them, and `telemetry on` adds them', async (t) => {
    const { home, sendOnce } = await upgrade(t)
    const { runCommandLine } = await next.load<typeof import('../../src/cli/command-line.js')>('src/cli/command-line.ts')
    const run = async (words: string) => (
      await (isSoak ? runCommandProcess(home, words, {}, next.folder) : runCommand(home, words, {}, runCommandLine))).stdout
    assert.match(await run('telemetry status'), /can also send machine\.cores: How many processors there are\. To use them all\./)
    assert.equal(hasNew(await run('telemetry preview')), false)
    await run('telemetry on')
    assert.doesNotMatch(await run('telemetry status'), /can also send/)
    assert.equal(hasNew(await sendOnce()), true)
  })

  test('the default consent, without a decision, covers only version 1', async (t) => {
    const { app, sendOnce } = await upgrade(t, 'nothing')
    assert.equal(hasNew(await sendOnce()), false)
    const paths = (await app.telemetry.newProperties()).map(({ path }) => path)
    assert.deepEqual(paths.toSorted(), [...SINCE_THE_FIRST, ...NEW].toSorted())
  })

  test('after opting out, the preview shows everything that opting in covers', async (t) => {
    const { app, log, sendOnce } = await upgrade(t, false)
    assert.deepEqual(await app.telemetry.newProperties(), [])
    assert.equal(hasNew(await app.telemetry.preview()), true)
    await log.find(/^Telemetry is off/)
    assert.ok(!log.lines.some(({ msg }) => /can also send/.test(msg)))
    await app.decisions.decide({ enabled: true, way: 'API', who: 'ada' })
    assert.equal(hasNew(await sendOnce()), true)
  })

  test('the wizard of a new installation asks for all properties at once', async (t) => {
    const listener = await startListener(t)
    const release = await next.load<PlatformOptions['release']>('src/app.ts')
    const { app } = await buildPlatform(t, { telemetry: { url: listener.url }, initialised: false, release })
    const client = new Client(app)
    const _csrf = await client.csrfToken()
    await client.post('/setup/create-user', { ...ACCOUNT, _csrf })
    assert.match((await client.get('/setup')).body, /machine\.cores[^]*How many processors there are/)
    await client.post('/setup/settings', { telemetry: true, _csrf })
    await client.post('/setup/finish', { _csrf })
    assert.equal(hasNew((await app.telemetry.send()).body), true)
  })
})

test('a collector of the next release stores pings of both releases in the existing database', async (t) => {
  const databaseUrl = await sqliteUrl(t)
  const today = await startCollector(t, databaseUrl)
  const newer = { ...PING, os: { ...PING.os, memory: 4096 }, machine: { cores: 8 } }
  const { body: { received } } = await today.post(newer)
  assert.equal(received.machine, undefined)
  await today.app.close()
  const { buildCollector } = await next.load<typeof import('../../src/collector/app.js')>('src/collector/app.ts')
  const app = await buildCollector({ ipHashKey: KEY, databaseUrl, logLevel: 'silent' })
  t.after(() => app.close())
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  for (const [ping, memory, cores] of [[PING, null, null], [newer, 4096, 8]] as const) {
    const { status, body } = await post(url, ping)
    assert.deepEqual([status, body.received.os.memory, body.received.machine.cores], [200, memory, cores])
  }
})
