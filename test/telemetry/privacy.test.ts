import assert from 'node:assert/strict'
import os from 'node:os'
import { describe, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { QueryTypes, type Sequelize } from 'sequelize'
import { serialisePing, type Ping } from '../../src/telemetry/ping.js'
import { migrate } from '../../src/telemetry/store/migrations.js'
import { CONFIRMED, startPeer } from '../helpers/peer.js'
import { buildPlatform } from '../helpers/platform.js'

/** Where a platform and its process keep identifying data. */
const VARIABLES = ['HOSTNAME', 'USER', 'LOGNAME', 'HOME', 'MAIL', 'SSH_CLIENT', 'FLOWFORGE_LICENSE', 'npm_config_registry']

/** A text that must not appear in any ping, in several scripts and with characters that need escaping. */
const CANARIES = ['canary-plain', 'canary- ', 'canary-"\\\'{}%', 'canary-カナリア', 'canary-👩🏽‍🚀é']

test('the bytes on the wire are exactly those of the design, whatever data the platform has', async (t) => {
  const received: string[] = []
  const { port, url } = await startPeer(t, (socket) => {
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      const text = Buffer.concat(chunks).toString()
      if (!text.endsWith('}')) return
      received.push(text)
      socket.end(CONFIRMED)
    })
  })
  for (const canary of CANARIES) {
    const restore = fillEnvironment(t, canary)
    const { app } = await buildPlatform(t, { telemetry: { url }, config: configWith(canary) })
    await migrate(app.db.sequelize)
    await fillTables(app.db.sequelize, canary)
    const { idempotencyKey } = await app.telemetry.send()
    restore()
    const bytes = received.pop()!
    const body = JSON.stringify(await pingOf(app))
    assert.ok(!bytes.includes('canary'))
    assert.equal(bytes, [
      'POST / HTTP/1.1', `host: localhost:${port}`, 'connection: keep-alive', 'content-type: application/json',
      `user-agent: flowforge/${app.config.version}`, `idempotency-key: ${idempotencyKey}`,
      `content-length: ${Buffer.byteLength(body)}`, '', body
    ].join('\r\n'))
    await app.close()
  }
})

describe('a property that the schema does not name', () => {
  const ping: Ping = {
    instanceId: '5db51f99-c6fb-4340-9c19-78adce58cc1b',
    os: { type: 'Linux', release: '6.1', arch: 'x64' },
    env: { nodejs: 'v20.0.0', flowforge: '0.2.0' },
    platform: { counts: { users: 0, teams: 0, projects: 0 }, config: { driver: 'localfs' } }
  }
  const places = [ping, ping.os, ping.env, ping.platform, ping.platform.counts, ping.platform.config]
  for (const [index, place] of places.entries()) {
    test(`is never sent, wherever it appears (${Object.keys(place)})`, () => {
      fc.assert(fc.property(fc.string(), fc.jsonValue(), (name, value) => {
        fc.pre(!(name in place) && !['__proto__', 'toJSON'].includes(name))
        const fuller = structuredClone(ping)
        const at = [fuller, fuller.os, fuller.env, fuller.platform, fuller.platform.counts, fuller.platform.config][index]
        Object.assign(at!, { [name]: value })
        assert.throws(() => serialisePing(fuller), { code: 'invalid_ping' })
      }))
    })
  }
})

function configWith (canary: string) {
  return { base_url: 'https://canary.example/', driver: { type: canary }, [`other-${canary}`]: { token: canary } }
}

function fillEnvironment (t: TestContext, canary: string): () => void {
  const before = { ...process.env }
  for (const name of VARIABLES) process.env[name] = canary
  const named = [
    t.mock.method(os, 'hostname', () => canary),
    t.mock.method(os, 'userInfo', () => ({ username: canary, homedir: canary, shell: canary, uid: 0, gid: 0 }))
  ]
  return () => {
    process.env = before
    for (const { mock } of named) mock.restore()
  }
}

/** Adds a row to every table, with the canary in every text column. */
async function fillTables (sequelize: Sequelize, canary: string): Promise<void> {
  const schema = sequelize.getQueryInterface()
  for (const table of await schema.showAllTables()) {
    const columns = Object.entries(await schema.describeTable(table))
    await schema.bulkInsert(table, [Object.fromEntries(columns.map(([name, { type }]) => [name, valueFor(type, canary)]))])
  }
}

function valueFor (type: string, canary: string): unknown {
  if (/CHAR|TEXT/.test(type)) return canary
  return type.startsWith('DATETIME') ? new Date() : 1
}

/** Builds the ping of this platform from its sources, independently of collectPing. */
async function pingOf ({ config, settings, db }: Awaited<ReturnType<typeof buildPlatform>>['app']): Promise<Ping> {
  const count = async (table: string) => {
    const [row] = await db.sequelize.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`, { type: QueryTypes.SELECT })
    return row!.n
  }
  return {
    instanceId: settings.get('instanceId')!,
    os: { type: os.type(), release: os.release(), arch: os.arch() },
    env: { nodejs: process.version, flowforge: config.version },
    platform: {
      counts: { users: await count('Users'), teams: await count('Teams'), projects: await count('Projects') },
      config: { driver: 'other' }
    }
  }
}
