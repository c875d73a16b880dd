import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { BOOT_MS } from './helpers/follow-ping.js'
import { startListener } from './helpers/listener.js'
import { buildPlatform } from './helpers/platform.js'
import { startPostgres } from './helpers/postgres.js'
import { prepareHome, startProcess } from './helpers/process.js'
import { runProgram } from './helpers/program.js'
import { onlyInSoak, someOf } from './helpers/soak.js'

/** The half minute before the boot ping takes half a second; shorter waits are in real time. */
const FAST = { CLOCK_SPEED: '60' }

describe('the process of the platform', { concurrency: 3 }, () => {
  test('sends one scheduled ping, and loads undici for it', async (t) => {
    const listener = await startListener(t)
    const { log, stop } = await startProcess(t, await prepareHome(t, { telemetry: { url: listener.url } }), FAST)
    await listener.next()
    await log.find(/^Telemetry was sent/)
    assert.equal(await stop(), 0)
    await log.find(/^undici was loaded/)
    assert.equal(listener.requests.length, 1)
  })

  test('stops with exit code 0 while a ping waits for its answer', async (t) => {
    const listener = await startListener(t, () => { /* never answers */ })
    const { stop } = await startProcess(t, await prepareHome(t, { telemetry: { url: listener.url } }), FAST)
    await listener.next()
    assert.equal(await stop(), 0)
  })

  // A ping that waits for its answer holds more, and another test stops a platform in this process at each step.
  test('stops with exit code 0 while a ping waits for its next attempt', onlyInSoak, async (t) => {
    const listener = await startListener(t, (response) => { response.writeHead(503, { 'retry-after': '3600' }).end() })
    const { log, stop } = await startProcess(t, await prepareHome(t, { telemetry: { url: listener.url } }), FAST)
    await log.find(/could not be sent/)
    assert.equal(await stop(), 0)
  })

  for (const [what, config, env] of someOf([
    ['flowforge.yml says no', { enabled: false }, {}],
    ['flowforge.yml is mistyped', { enabeld: false }, {}],
    ['the environment says no', {}, { FF_TELEMETRY_DISABLED: 'true' }]
  ] as const, 0)) {
    test(`starts, sends nothing and never loads undici when ${what}`, async (t) => {
      const listener = await startListener(t)
      const home = await prepareHome(t, { telemetry: { url: listener.url, ...config } })
      const { log, stop } = await startProcess(t, home, env)
      await log.find(/^Telemetry is off/)
      assert.equal(await stop('SIGINT'), 0)
      await log.find(/^undici was never loaded/)
      assert.equal(listener.connections(), 0)
    })
  }

  // The test of the package for other hosts shows the same of the module.
  test('does not load undici before the first ping is sent', onlyInSoak, async (t) => {
    const listener = await startListener(t)
    const { log, stop } = await startProcess(t, await prepareHome(t, { telemetry: { url: listener.url } }))
    await log.find(/^Telemetry is on/)
    assert.equal(await stop(), 0)
    await log.find(/^undici was never loaded/)
  })

  test('with an invalid configuration exits with 78 and prints in one line what to fix', async (t) => {
    const home = await prepareHome(t, { telemetry: {} })
    writeFileSync(join(home, 'flowforge.yml'), 'host: localhost\nport: http\n')
    const started = execFile(process.execPath, [...runProgram('src/server.ts'), '--config', join(home, 'flowforge.yml')])
    const [[code], stderr] = await Promise.all([once(started, 'exit'), text(started.stderr!)])
    assert.equal(code, 78)
    assert.equal(stderr, `${join(home, 'flowforge.yml')}, line 2: port: expected a whole number from 0 to 65535, found a text\n`)
  })

  test('sends one boot ping in total when two replicas start together on one PostgreSQL', async (t) => {
    const postgres = await startPostgres()
    t.after(() => postgres.stop())
    const { ssl, ...db } = await postgres.createDatabase()
    const listener = await startListener(t)
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const start = () => buildPlatform(t, { config: { db }, telemetry: { url: listener.url } })
    const replicas = [await start(), await start()]
    t.mock.timers.tick(BOOT_MS)
    await Promise.race(replicas.map(({ log }) => log.find(/^Telemetry was sent/)))
    await Promise.race(replicas.map(({ log }) => log.find(/was claimed by another replica/)))
    assert.equal(listener.requests.length, 1)
  })
})
