import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { forgetInstallation } from '../../src/settings/instance-id.js'
import { TelemetryService } from '../../src/telemetry/service.js'
import { runCommand } from '../cli/run-command.js'
import { startCollector } from '../collector/start-collector.js'
import { buildNewPlatform, setUp } from '../helpers/client.js'
import { startListener } from '../helpers/listener.js'
import { buildPlatform, temporaryDirectory, type Platform } from '../helpers/platform.js'
import { someOf } from '../helpers/soak.js'
import { within } from '../helpers/within.js'

const BY = { way: 'API', who: 'ada' } as const

interface Held {
  installation: object | null
  pingsKept: number
}

const startCollectorOnFile = (t: TestContext) => startCollector(t, `sqlite:${join(temporaryDirectory(t), 'collector.db')}`)

describe('the data that the receiver holds', () => {
  for (const path of someOf(['/', '/ping', '/ping/'], 1)) {
    test(`is shown and deleted by a collector that receives pings at ${path}`, async (t) => {
      const collector = await startCollectorOnFile(t)
      const { app } = await buildPlatform(t, { telemetry: { url: `${collector.url}${path}` } })
      await app.telemetry.send()
      const before = app.settings.get('instanceId')
      assert.equal((await app.telemetry.held() as Held).pingsKept, 1)
      assert.deepEqual(await forgetInstallation(app, BY), { installations: 1, pings: 1 })
      assert.deepEqual([await collector.rows(), await collector.rows('installations')], [[], []])
      assert.notEqual(app.settings.get('instanceId'), before)
      assert.deepEqual(await app.telemetry.held(), { installation: null, pingsKept: 0, pings: [] })
      const [latest] = await app.decisions.list()
      const { decidedAt, ...recorded } = latest!
      assert.deepEqual(recorded, { ...BY, action: 'forget', enabled: true, schemaVersion: 1 })
    })
  }

  test('is requested when an administrator has turned telemetry off, but not when the operator has', async (t) => {
    const collector = await startCollectorOnFile(t)
    const { app } = await buildPlatform(t, { telemetry: { url: collector.url } })
    await app.decisions.decide({ ...BY, enabled: false })
    assert.deepEqual(await forgetInstallation(app, BY), { installations: 0, pings: 0 })

    const listener = await startListener(t)
    const off = await buildPlatform(t, { telemetry: { url: listener.url, enabled: false } })
    await refuses(off, 'telemetry_off', /sets telemetry\.enabled to false/)
    const unfinished = await buildPlatform(t, { telemetry: { url: listener.url }, initialised: false })
    await refuses(unfinished, 'telemetry_off', /the setup is not finished/)
    assert.equal(listener.connections(), 0)
  })
})

/** Answers of receivers that are not a collector, or that are temporarily unavailable. */
const REFUSALS: [title: string, code: string, answer: (response: ServerResponse) => void][] = [
  ['does not know the path', 'right_not_offered', (response) => response.writeHead(404).end('{"status":"error"}')],
  ['answers with a login page', 'right_not_offered', (response) => response.writeHead(200).end('<html>')],
  ['answers only success', 'right_not_offered', (response) => response.writeHead(200).end('{"status":"success"}')],
  ['answers too many levels', 'right_not_offered', (response) => response.end(`{"status":"success","held":${'['.repeat(5_000)}${']'.repeat(5_000)}}`)],
  ['answers too many values', 'right_not_offered', (response) => response.end(`{"status":"success","held":[${'0,'.repeat(200_000)}0]}`)],
  ['answers a negative count', 'right_not_offered', (response) => response.end('{"status":"success","forgotten":{"installations":1,"pings":-1}}')],
  ['redirects', 'right_not_offered', (response) => response.writeHead(302, { location: '/elsewhere' }).end()],
  ['is busy', 'receiver_unavailable', (response) => response.writeHead(503).end()],
  ['hangs up', 'receiver_unavailable', (response) => response.destroy()]
]

describe('a receiver', () => {
  test('that is not a collector, or is unavailable, leaves the instanceId unchanged', async (t) => {
    let answerNow: typeof REFUSALS[number][2] | undefined
    const { url } = await startListener(t, (response) => answerNow!(response))
    const platform = await buildPlatform(t, { telemetry: { url } })
    for (const [title, code, answer] of REFUSALS) {
      await t.test(`as it ${title}`, async () => {
        answerNow = answer
        await refuses(platform, code, /^127\.0\.0\.1:\d+ |^The connection to /)
      })
    }
  })

  test('that cannot be reached leaves the instanceId unchanged', async (t) => {
    const platform = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:9/' } })
    await refuses(platform, 'receiver_unavailable', /refused the connection/)
    await assert.rejects(forgetInstallation(platform.app, BY), ({ message }: Error) => !/may have deleted/.test(message))
  })

  test('that deletes and hangs up is reported as possibly deleted, and asking again is harmless', async (t) => {
    let answers = 0
    const { url, requests } = await startListener(t, (response) => {
      if (answers++ === 0) response.destroy()
      else response.end('{"status":"success","forgotten":{"installations":0,"pings":0}}')
    })
    const app = await buildNewPlatform(t, { telemetry: { url } })
    const client = await setUp(app)
    const { statusCode, body } = await client.post('/api/v1/telemetry/forget')
    assert.equal(statusCode, 503)
    assert.match(body, /It may have deleted it anyway\. This installation keeps its id, so that you can ask again/)
    assert.equal((await client.post('/api/v1/telemetry/forget')).statusCode, 200)
    assert.equal(requests[0]!.body, requests[1]!.body)
  })
})

async function refuses ({ app }: Platform, code: string, message: RegExp): Promise<void> {
  const instanceId = app.settings.get('instanceId')
  for (const request of [app.telemetry.held, () => forgetInstallation(app, BY)]) await assert.rejects(request, { code, message })
  assert.equal(app.settings.get('instanceId'), instanceId)
  assert.deepEqual(await app.decisions.list(), [])
}

test('a ping that waits for its next attempt is cancelled when another process changes the instanceId', async (t) => {
  const listener = await startListener(t, (response) => response.writeHead(503, { 'retry-after': '1' }).end())
  const { app, home } = await buildPlatform(t, { telemetry: { url: listener.url } })
  const { config, settings, db, log } = app
  const sending = new TelemetryService({ config, settings, db, log }).sendOnSchedule('boot')
  await listener.next()
  assert.equal((await runCommand(home, 'telemetry new-id')).code, 0)
  await within('the end of the ping', sending)
  const [ping] = await app.telemetry.pings()
  assert.deepEqual([ping?.outcome, ping?.attempts, ping?.error], ['cancelled', 1, 'the installation has a new instanceId'])
  assert.equal(listener.requests.length, 1)
})

test('the command line shows and deletes the data, and then changes the instanceId', async (t) => {
  const collector = await startCollectorOnFile(t)
  const { app, home } = await buildPlatform(t, { telemetry: { url: collector.url } })
  await app.telemetry.send()
  const held = await runCommand(home, 'telemetry held')
  assert.equal((JSON.parse(held.stdout) as Held).pingsKept, 1)
  assert.match((await runCommand(home, 'telemetry forget')).stdout, /^The receiver says that it has deleted 1 ping and everything else .*new instanceId\.\n$/)
  const { stdout } = await runCommand(home, 'telemetry new-id --json')
  assert.equal((JSON.parse(stdout) as { instanceId: string }).instanceId, await app.settings.refresh('instanceId'))
  assert.match((await runCommand(home, 'telemetry decisions')).stdout, /: took a new id\n.*: deleted what the receiver held/)
  await collector.app.close()
  const failed = await runCommand(home, 'telemetry held')
  assert.deepEqual([failed.code, failed.stdout], [1, ''])
  assert.match(failed.stderr, /refused the connection[^\n]*\n$/)
  assert.equal((await runCommand(home, 'telemetry held', { DO_NOT_TRACK: '1' })).code, 3)
})

test('the API shows and deletes the data, changes the instanceId, and explains failures', async (t) => {
  const collector = await startCollectorOnFile(t)
  const app = await buildNewPlatform(t, { telemetry: { url: collector.url } })
  const client = await setUp(app)
  const ask = async (right: string) => {
    const response = await client.post(`/api/v1/telemetry/${right}`)
    return [response.statusCode, response.json() as Record<string, unknown>] as const
  }
  await app.telemetry.send()
  const [, held] = await ask('held')
  assert.equal(held.pingsKept, 1)
  assert.deepEqual(await ask('forget'), [200, { installations: 1, pings: 1 }])
  const [, { instanceId }] = await ask('new-id')
  assert.equal(instanceId, app.settings.get('instanceId'))
  await collector.app.close()
  const [status, { code }] = await ask('held')
  assert.deepEqual([status, code], [503, 'receiver_unavailable'])
})
