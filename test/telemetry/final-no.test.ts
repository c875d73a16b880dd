import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LoggedPing } from '../../src/telemetry/index.js'
import { runCommand, runCommandProcess, type CommandResult } from '../cli/run-command.js'
import { describeOnBoth, describeOnSqlite } from '../helpers/databases.js'
import { startListener } from '../helpers/listener.js'
import { buildPlatform } from '../helpers/platform.js'
import { startPostgres } from '../helpers/postgres.js'
import { createHome, hostReplica, install, startReplica } from '../helpers/replica.js'
import { inSoak, isSoak, someOf } from '../helpers/soak.js'

const KILLS = inSoak(10, 1)

/** Limit from an acknowledged opt-out until no process has a request in flight. */
const ENDED_MS = 2_000

// A PostgreSQL is another process, which a kill of the platform does not end.
const describeHere = inSoak(describeOnBoth, describeOnSqlite)

describeHere('an acknowledged opt-out', (create) => {
  test(`still holds after the platform is killed at that moment and restarted, ${KILLS} times`, async (t) => {
    const listener = await startListener(t)
    const installation = await install(t, await create())
    const home = createHome(t, installation, listener.url)
    for (let kill = 0; kill < KILLS; kill++) {
      const replica = await startReplica(t, installation, home)
      await replica.log.find(/^Telemetry is o/)
      assert.equal(await replica.decide(true), 200)
      // The head of the answer has arrived, and nothing has been awaited since.
      const { status } = await replica.request('PUT', '/api/v1/settings', { 'telemetry:enabled': false })
      await replica.stop('SIGKILL')
      assert.equal(status, 200)
      const next = await buildPlatform(t, { telemetry: { url: listener.url }, config: { db: installation.db } })
      assert.match((await next.log.find(/^Telemetry is o/)).msg, /^Telemetry is off: the platform's settings say so/)
      await next.app.close()
    }
    assert.equal(listener.connections(), 0)
  })
})

type Send = (home: string, words: string) => Promise<CommandResult>

test('opting out anywhere cancels the pings of two replicas and a command line on one PostgreSQL', async (t) => {
  const postgres = await startPostgres()
  t.after(() => postgres.stop())
  const listener = await startListener(t, () => { /* never answers */ })
  const installation = await install(t, await postgres.createDatabase())
  const home = createHome(t, installation, listener.url)
  const start = () => startReplica(t, installation, createHome(t, installation, listener.url))
  const [one, two] = await Promise.all([start(), isSoak ? start() : hostReplica(t, installation, listener.url)])
  const ways: [title: string, say: () => Promise<unknown>, send?: Send][] = [
    ['one replica', () => one.decide(false)],
    ['the other', () => two.decide(false)],
    // Commands in one process wait for each other.
    ['the command line', () => runCommand(home, 'telemetry off'), runCommandProcess]
  ]
  for (const [title, say, send = inSoak<Send>(runCommandProcess, runCommand)] of someOf(ways, 0, 2)) {
    assert.equal(await one.decide(true), 200)
    const byCommandLine = send(home, 'telemetry send')
    await listener.next()
    const byReplicas = [one, two].map(async (replica) => (
      await (await replica.request('POST', '/api/v1/telemetry/pings', {})).json()) as LoggedPing)
    for (let asked = 0; asked < 2; asked++) await listener.next()
    await say()
    const acknowledged = performance.now()
    const ended = await Promise.all(byReplicas)
    const took = performance.now() - acknowledged
    t.diagnostic(`${title}: the replicas' pings ended ${took.toFixed()} ms later`)
    assert.ok(took < ENDED_MS, `${title}: ${took} ms`)
    // A request that is not cancelled fails after ten seconds.
    assert.deepEqual(ended.map(({ outcome }) => outcome), ['cancelled', 'cancelled'], title)
    assert.match((await byCommandLine).stdout, /manual, cancelled/, title)
    for (const replica of [one, two]) {
      const log = await (await replica.request('GET', '/api/v1/telemetry/pings')).json() as LoggedPing[]
      assert.deepEqual(log.slice(0, 3).map(({ outcome }) => outcome), ['cancelled', 'cancelled', 'cancelled'], title)
    }
  }
})
