import assert from 'node:assert/strict'
import timers from 'node:timers/promises'
import fc from 'fast-check'
import type { LoggedPing } from '../../src/telemetry/index.js'
import { within } from '../helpers/within.js'
import type { Model } from './model.js'
import { COLLECTOR_MODES, DATABASE_MODES, REPLICAS, SENDERS, type ReplicaName, type Sender, type World } from './world.js'

/** Until what was on its way to a listener, when a no was acknowledged, has arrived there. */
const ARRIVAL_MS = 100

/** The own process aborts with these words, and before it acknowledges; the others find the no when they read consent. */
const ABORTED = 'telemetry was turned off in the settings'

type Command = fc.AsyncCommand<Model, World>

/** A step, and what has to hold after each. */
function step (name: string, check: (model: Model) => boolean, run: (model: Model, world: World) => Promise<void>): Command {
  return {
    check,
    async run (model, world) {
      await run(model, world)
      await compare(model, world)
    },
    toString: () => name
  }
}

async function compare (model: Model, world: World): Promise<void> {
  if (SENDERS.some((sender) => !model.allows(sender) && !model.silent.has(sender))) await timers.setTimeout(ARRIVAL_MS)
  for (const sender of SENDERS) {
    if (model.allows(sender)) model.silent.delete(sender)
    else if (model.silent.has(sender)) assert.equal(world.heard(sender), model.silent.get(sender), `${sender} sends after a no`)
    else model.silent.set(sender, world.heard(sender))
  }
  assert.deepEqual(await world.readRecord(), { record: model.record, stored: model.stored })
  for (const name of REPLICAS) {
    if (model.running[name] === 'no') continue
    const response = await world.replicas[name]!.request('GET', '/api/v1/telemetry')
    const answer = await response.json() as { allowed?: boolean }
    assert.equal(answer.allowed, model.allows(name), `the consent of ${name}: ${response.status} ${JSON.stringify(answer)}`)
  }
}

/** What silent senders had in flight is cancelled. @param at the replica at which the no was said; it aborts at once */
export async function settle (model: Model, world: World, at?: ReplicaName): Promise<void> {
  const waiting = world.inFlight.filter(({ sender }) => at ? sender === at : !model.allows(sender))
  for (const { sender, ended } of waiting) {
    const ping = await within(`the end of a ping of ${sender}`, ended)
    // Nothing is known of a killed process, or of one whose ping ended before.
    if (!ping || ping.outcome === 'failed') continue
    assert.equal(ping.outcome, 'cancelled', `a ping of ${sender}`)
    if (at) assert.equal(ping.error, ABORTED, `a ping of ${sender}, where the no was said`)
  }
  world.inFlight.splice(0, Infinity, ...world.inFlight.filter((each) => !waiting.includes(each)))
}

function decideAt (at: ReplicaName, way: 'API' | 'page' | 'wizard', enabled: boolean): Command {
  const isPossible = (model: Model) => model.running[at] !== 'no' && (way !== 'wizard' || !model.initialised)
  return step(`${enabled ? 'yes' : 'no'} by ${way} at ${at}`, isPossible, async (model, world) => {
    if (enabled) await settle(model, world)
    const aborts = !enabled && model.allows(at)
    const status = await send(world, at, way, enabled)
    if (enabled && model.running[at] === 'refusing' && way !== 'wizard') return assert.equal(status, 409)
    // In the wizard of an operator who refuses, the switch is locked: off is stored.
    const decided = enabled && model.running[at] === 'allowing'
    if (model.database === 'working') {
      assert.equal(status, way === 'API' ? 200 : way === 'wizard' ? 200 : 303)
      model.decided(decided, way, at)
    } else if (decided) assert.ok(status >= 500)
    else {
      assert.equal(status, 503)
      model.held.set(at, way)
    }
    if (aborts) await settle(model, world, at)
  })
}

async function send (world: World, at: ReplicaName, way: string, enabled: boolean): Promise<number> {
  const { request, decide } = world.replicas[at]!
  if (way === 'API') return decide(enabled)
  const path = way === 'page' ? '/admin/settings/telemetry' : '/setup'
  const page = await (await request('GET', path)).text()
  const [, _csrf] = /name="_csrf" value="([^"]+)"/.exec(page) ?? []
  assert.ok(_csrf, `a token in ${path}`)
  const response = await (way === 'page'
    ? request('POST', path, new URLSearchParams({ 'telemetry:enabled': String(enabled), _csrf }))
    : request('POST', '/setup/settings', { telemetry: enabled, _csrf }))
  await response.arrayBuffer()
  return response.status
}

function decideByCommand (enabled: boolean): Command {
  return step(`flowforge telemetry ${enabled ? 'on' : 'off'}`, () => true, async (model, world) => {
    if (enabled) await settle(model, world)
    const { code } = await world.command(`telemetry ${enabled ? 'on' : 'off'}`)
    if (enabled && model.operatorRefuses) return assert.equal(code, 3)
    if (model.database !== 'working') return assert.notEqual(code, 0)
    assert.equal(code, 0)
    model.decided(enabled, 'command line')
  })
}

function sendPing (sender: Sender): Command {
  const isPossible = (model: Model) => sender === 'command line' || model.running[sender] !== 'no'
  return step(`send at ${sender}`, isPossible, async (model, world) => {
    const before = world.heard(sender)
    const ended = sender === 'command line' ? sendByCommand(world) : sendByApi(world, sender)
    if (!model.allows(sender) || model.database !== 'working') return assert.equal(await ended, undefined, 'a ping was sent')
    await world.hasSent(sender, before)
    if (model.answers(sender)) assert.equal((await ended)?.outcome, model.collector === 'working' ? 'delivered' : 'failed')
    else world.inFlight.push({ sender, ended })
  })
}

/** Resolves to undefined if no ping was sent, or its process is gone. */
async function sendByApi (world: World, name: ReplicaName): Promise<LoggedPing | undefined> {
  try {
    const response = await world.replicas[name]!.request('POST', '/api/v1/telemetry/pings', {})
    const ping = await response.json() as LoggedPing
    return response.status === 200 ? ping : undefined
  } catch {
    return undefined
  }
}

async function sendByCommand (world: World): Promise<LoggedPing | undefined> {
  const { stdout } = await world.command('telemetry send --json')
  return stdout ? JSON.parse(stdout) as LoggedPing : undefined
}

function startPlatform (name: ReplicaName, refusing: boolean): Command {
  const isPossible = (model: Model) => model.running[name] === 'no' && model.database === 'working'
  return step(`start ${name}${refusing ? ' with DO_NOT_TRACK' : ''}`, isPossible, async (model, world) => {
    model.running[name] = refusing ? 'refusing' : 'allowing'
    // From here on it may send.
    if (model.allows(name)) model.silent.delete(name)
    const before = world.heard(name)
    await world.start(name, refusing)
    if (!model.allows(name) || !model.answers(name)) return
    const { msg } = await world.replicas[name]!.log.find(/^Telemetry was sent|could not be sent|ping was claimed/)
    if (!/claimed/.test(msg)) assert.notEqual(world.heard(name), before, 'the boot ping')
    if (/could not/.test(msg)) assert.notEqual(model.collector, 'working', 'the boot ping')
  })
}

function endPlatform (name: ReplicaName, signal: 'SIGTERM' | 'SIGKILL'): Command {
  const isPossible = (model: Model) => model.running[name] !== 'no' && (signal === 'SIGKILL' || model.database === 'working')
  return step(`${signal} ${name}`, isPossible, async (model, world) => {
    await world.end(name, signal)
    if (model.running[name] === 'refusing' && signal === 'SIGKILL') model.leftRefusal = true
    model.running[name] = 'no'
    // It was told that this does not survive a restart.
    model.held.delete(name)
  })
}

const finishSetup = step('finish the setup', (model) => !model.initialised && model.running.one !== 'no' && model.database === 'working',
  async (model, world) => {
    const { request } = world.replicas.one!
    const [, _csrf] = /name="_csrf" value="([^"]+)"/.exec(await (await request('GET', '/setup')).text())!
    assert.equal((await request('POST', '/setup/finish', { _csrf })).status, 200)
    model.initialised = true
  })

function setCollector (mode: typeof COLLECTOR_MODES[number]): Command {
  return step(`the collector is ${mode}`, (model) => model.collector !== mode, async (model, world) => {
    model.collector = world.collector = mode
  })
}

const holdTunnels = step('the proxy holds tunnels', (model) => !model.proxyHolds, async (model, world) => {
  model.proxyHolds = true
  world.hold()
})

const openTunnels = step('the proxy opens tunnels', (model) => model.proxyHolds, async (model, world) => {
  model.proxyHolds = false
  world.release()
  // What may go on ends as the collector likes.
  if (model.allows('two')) world.inFlight.splice(0, Infinity, ...world.inFlight.filter(({ sender }) => sender !== 'two'))
})

function breakDatabase (mode: typeof DATABASE_MODES[number]): Command {
  return step(`the database is ${mode}`, (model) => model.database === 'working', async (model, world) => {
    model.database = mode
    await world.setDatabase(mode)
  })
}

const mendDatabase = step('the database works again', (model) => model.database !== 'working', async (model, world) => {
  await world.unlock()
  await world.setDatabase('working')
  model.database = 'working'
  const expected = model.record.length + model.held.size
  await within('the refusals in the database', (async () => {
    while ((await world.readRecord()).record.length < expected) await timers.setTimeout(50)
  })())
  // In which order they are written is theirs to choose.
  const { record } = await world.readRecord()
  assert.deepEqual(record.slice(model.record.length).toSorted(), [...model.held.values()].map((way) => `no by ${way}`).toSorted())
  if (model.held.size > 0) model.stored = false
  model.record.splice(0, Infinity, ...record)
  model.held.clear()
})

/** A no in the moment in which a tunnel stands: what waits for the tunnel must not be written into it. */
const refuseAsTunnelsOpen = step('no by API at one, as the proxy opens tunnels',
  (model) => model.proxyHolds && model.running.one !== 'no' && model.database === 'working',
  async (model, world) => {
    assert.equal(await world.replicas.one!.decide(false), 200)
    model.decided(false, 'API', 'one')
    model.silent.set('two', world.heard('two'))
    model.proxyHolds = false
    world.release()
  })

const passTime = step('a minute passes', () => true, () => timers.setTimeout(1_000))

const always = (...commands: Command[]) => commands.map((command) => fc.constant(command))

/** All that can happen. What leads to many states comes more often. */
export const steps: fc.Arbitrary<Command>[] = [
  ...REPLICAS.flatMap((at) => (['API', 'page', 'wizard'] as const).flatMap((way) => (
    always(decideAt(at, way, true), decideAt(at, way, false))))),
  ...always(decideByCommand(true), decideByCommand(false)),
  ...REPLICAS.flatMap((name) => always(sendPing(name), sendPing(name), sendPing(name))),
  ...always(sendPing('command line')),
  ...REPLICAS.flatMap((name) => always(
    startPlatform(name, false), startPlatform(name, true), endPlatform(name, 'SIGTERM'), endPlatform(name, 'SIGKILL'))),
  ...always(finishSetup, finishSetup),
  ...COLLECTOR_MODES.flatMap((mode) => always(setCollector(mode))),
  ...always(setCollector('slow'), holdTunnels, holdTunnels, openTunnels, refuseAsTunnelsOpen, refuseAsTunnelsOpen),
  ...always(breakDatabase('full'), breakDatabase('locked'), mendDatabase, passTime)
]
