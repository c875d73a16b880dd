import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { DAY } from '../../../src/collector/day.js'
import { describeOnBoth } from '../both-databases.js'
import { bytesIn, instanceId, PING, post, sqliteUrl, startCollector, type Collector } from '../start-collector.js'
import { dirname } from 'node:path'

const TODAY = 20_780

const ask = ({ url }: Collector, path: string, body: unknown = { instanceId: PING.instanceId }) => post(`${url}${path}`, body)

describeOnBoth('the rights of an installation', (create) => {
  test('/held answers everything stored about it, and nothing about others', async (t) => {
    let now = TODAY * DAY + 1000
    const collector = await startCollector(t, await create(t), {}, { now: () => now })
    // Otherwise the jobs of the start could count the days that follow.
    await collector.app.maintain()
    const { body: { received: first } } = await collector.post(PING, { 'idempotency-key': 'one' })
    now += 2 * DAY
    const { body: { received: second } } = await collector.post({ ...PING, env: { nodejs: 'v22.0.0' } })
    await collector.post({ ...PING, instanceId: instanceId(7) })
    const { status, body } = await ask(collector, '/held')
    assert.equal(status, 200)
    assert.deepEqual(body.held, {
      installation: {
        firstDay: '2026-11-23',
        lastDay: '2026-11-25',
        heardOn: ['2026-11-25', '2026-11-23'],
        counted: null,
        leads: null,
        newest: {
          instanceId: PING.instanceId,
          'os.type': 'Darwin',
          'os.release': '20.5.0',
          'os.arch': 'x64',
          'env.nodejs': 'v22.0.0',
          'env.flowforge': null,
          'platform.counts.users': 3,
          'platform.counts.teams': 2,
          'platform.counts.projects': 1,
          'platform.config.driver': 'localfs'
        }
      },
      pingsKept: 2,
      pings: [second, first]
    })
  })

  test('/forget deletes it, answers how much was deleted, and does not affect others', async (t) => {
    const collector = await startCollector(t, await create(t))
    for (let i = 0; i < 3; i++) await collector.post(PING)
    const others = [instanceId(7), instanceId(0xffffffff)]
    for (const other of others) await collector.post({ ...PING, instanceId: other })
    const { status, body } = await ask(collector, '/forget')
    assert.deepEqual([status, body], [200, { status: 'success', forgotten: { installations: 1, pings: 3 } }])
    assert.deepEqual((await ask(collector, '/held')).body.held, { installation: null, pingsKept: 0, pings: [] })
    assert.deepEqual((await ask(collector, '/forget')).body.forgotten, { installations: 0, pings: 0 })
    for (const table of ['pings', 'installations']) {
      assert.deepEqual((await collector.rows(table)).map((row) => row.instance_id).toSorted(), others, table)
    }
  })

  test('an invalid id and unknown properties are refused', async (t) => {
    const collector = await startCollector(t, await create(t))
    for (const body of [{}, { instanceId: '%' }, { instanceId: null }, { instanceId: PING.instanceId, all: true }, []]) {
      for (const path of ['/held', '/forget']) assert.equal((await ask(collector, path, body)).status, 400)
    }
    assert.equal((await fetch(`${collector.url}/held`)).headers.get('allow'), 'POST')
  })
})

test('on SQLite no byte of a forgotten installation is left in the files', async (t) => {
  const databaseUrl = await sqliteUrl(t)
  const file = databaseUrl.slice('sqlite:'.length)
  const collector = await startCollector(t, databaseUrl)
  await collector.post(PING)
  assert.ok((await bytesIn(dirname(file))).includes(PING.instanceId))
  await ask(collector, '/forget')
  assert.ok(!(await bytesIn(dirname(file))).includes(PING.instanceId))
  assert.ok((await readFile(file)).length > 0)
})
