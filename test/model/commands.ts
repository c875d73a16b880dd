import assert from 'node:assert/strict'
import timers from 'node:timers/promises'
import fc from 'fast-check'
import type { LoggedPing } from '../../src/telemetry/index.js'
import { within } from '../helpers/within.js'
import type { Model } from './model.js'
import { arrival, settle, step, type Command } from './step.js'
import { COLLECTOR_MODES, DATABASE_MODES, OPERATORS, REPLICAS, SENDERS, type Operator, type ReplicaName, type Sender, type World } from './world.js'

function decideAt (at: ReplicaName, way: 'API' | 'page' | 'wizard', enabled: boolean): Command {
  const isPossible = (model: Model) => model.running[at] !== 'no' && (way !== 'wizard' || !model.initialised)
  return step(`${enabled ? 'yes' : 'no'} by ${way} at ${at}`, isPossible, async (model, world) => {
    if (enabled) await settle(model, world)
    const aborts = !enabled && model.allows(at)
    const status = await send(world, at, way, enabled)
    if (enabled && model.running[at] === 'refusing' && way !== 'wizard') return assert.equal(status, 409)
    // If the operator refuses, the switch of the wizard is locked, and off is stored.
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
    const isSent = model.allows(sender) && model.database === 'working'
    const ended = sender === 'command line' ? sendByCommand(world, isSent && !model.answers(sender)) : sendByApi(world, sender)
    if (!isSent) return assert.equal(await ended, undefined, 'a ping was sent')
    if (model.answers(sender)) assert.equal((await ended)?.outcome, model.collector === 'working' ? 'delivered' : 'failed')
    else await world.keepInFlight(sender, before, ended)
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

async function sendByCommand (world: World, waits: boolean): Promise<LoggedPing | undefined> {
  const { stdout } = await world.command('telemetry send --json', waits)
  return stdout ? JSON.parse(stdout) as LoggedPing : undefined
}

function startPlatform (name: ReplicaName, operator: Operator): Command {
  const isPossible = (model: Model) => model.running[name] === 'no' && model.database === 'working'
  return step(`start ${name}, whose operator ${operator}`, isPossible, async (model, world) => {
    model.running[name] = operator === 'allows' ? 'allowing' : 'refusing'
    // From now on the replica may send.
    if (model.allows(name)) model.silent.delete(name)
    const before = world.heard(name)
    await world.start(name, operator)
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
    // The answer said that this refusal does not survive a restart.
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
  // Pings that may continue end as the collector answers.
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
  // The order in which they are written is not specified.
  const { record } = await world.readRecord()
  assert.deepEqual(record.slice(model.record.length).toSorted(), [...model.held.values()].map((way) => `no by ${way}`).toSorted())
  if (model.held.size > 0) model.stored = false
  model.record.splice(0, Infinity, ...record)
  model.held.clear()
})

/** The state of pings when consent is refused: they wait for an answer or, behind the proxy, for a tunnel. */
const MOMENTS = ['wait for an answer', 'wait for a tunnel'] as const

/** Refuses while every process that may send has a ping in flight. Each ping ends before its answer or tunnel comes. */
function refuseInFlight (way: typeof NOS[number][0], at: ReplicaName | undefined, moment: typeof MOMENTS[number]): Command {
  const isPossible = (model: Model) => (
    model.database === 'working' && (!at || model.running[at] !== 'no') && REPLICAS.some((name) => model.allows(name)))
  return step(`no by ${way}${at ? ` at ${at}` : ''}, while pings ${moment}`, isPossible, async (model, world) => {
    await settle(model, world)
    model.collector = world.collector = 'slow'
    model.proxyHolds = moment === 'wait for a tunnel'
    if (model.proxyHolds) world.hold()
    else world.release()
    await Promise.all(SENDERS.filter((sender) => model.allows(sender) && (sender !== 'command line' || !at)).map(async (sender) => {
      const before = world.heard(sender)
      await world.keepInFlight(sender, before, sender === 'command line' ? sendByCommand(world, true) : sendByApi(world, sender))
    }))
    await sayNo(world, way, at)
    await arrival()
    for (const sender of SENDERS) model.silent.set(sender, world.heard(sender))
    const aborts = at && model.allows(at)
    model.decided(false, way, at)
    model.proxyHolds = false
    world.release()
    if (aborts) await settle(model, world, at)
    await settle(model, world)
  })
}

/** Refuses while a ping is in flight and the database cannot save it. The refusal still holds in that process. */
function refuseUnwritten (way: 'API' | 'page', at: ReplicaName, mode: typeof DATABASE_MODES[number]): Command {
  const isPossible = (model: Model) => model.database === 'working' && model.allows(at)
  return step(`no by ${way} at ${at}, while a ping waits and the database is ${mode}`, isPossible, async (model, world) => {
    await settle(model, world)
    model.collector = world.collector = 'slow'
    await world.keepInFlight(at, world.heard(at), sendByApi(world, at))
    await world.setDatabase(mode)
    model.database = mode
    assert.equal(await send(world, at, way, false), 503)
    model.held.set(at, way)
    await arrival()
    model.silent.set(at, world.heard(at))
    await settle(model, world, at)
  })
}

async function sayNo (world: World, way: string, at?: ReplicaName): Promise<void> {
  if (at) assert.ok([200, 303].includes(await send(world, at, way, false)))
  else assert.equal((await world.command('telemetry off')).code, 0)
}

const NOS = [['API', 'one'], ['API', 'two'], ['page', 'one'], ['page', 'two'], ['command line', undefined]] as const

const passTime = step('a minute passes', () => true, () => timers.setTimeout(1_000))

const always = (...commands: Command[]) => commands.map((command) => fc.constant(command))

/**
 * A walk from a new installation on. What waits for seconds is left to random sequences: a locked database, and refusals
 * that it could not save.
 */
export const walk: Command[] = [
  decideAt('one', 'wizard', false), sendPing('one'), decideAt('two', 'wizard', true), finishSetup,
  sendPing('one'), sendPing('two'), sendPing('command line'),
  setCollector('failing'), sendPing('two'), setCollector('redirecting'), sendPing('one'),
  decideAt('two', 'page', false), sendPing('one'), sendPing('command line'), decideByCommand(true),
  refuseInFlight('command line', undefined, 'wait for a tunnel'), decideAt('two', 'API', true),
  breakDatabase('full'), sendPing('one'), decideAt('one', 'page', true), mendDatabase,
  holdTunnels, sendPing('two'), decideByCommand(false), openTunnels, setCollector('working'),
  endPlatform('one', 'SIGKILL'), startPlatform('one', 'refuses by flowforge.yml'), decideAt('one', 'API', true),
  sendPing('command line'), endPlatform('two', 'SIGTERM')
]

/** All commands. Those that lead to many states occur more often. */
export const steps: fc.Arbitrary<Command>[] = [
  ...REPLICAS.flatMap((at) => (['API', 'page', 'wizard'] as const).flatMap((way) => (
    always(decideAt(at, way, true), decideAt(at, way, false))))),
  ...always(decideByCommand(true), decideByCommand(false)),
  ...REPLICAS.flatMap((name) => always(sendPing(name), sendPing(name), sendPing(name))),
  ...always(sendPing('command line')),
  ...REPLICAS.flatMap((name) => always(
    ...OPERATORS.map((operator) => startPlatform(name, operator)), endPlatform(name, 'SIGTERM'), endPlatform(name, 'SIGKILL'))),
  ...always(finishSetup, finishSetup),
  ...COLLECTOR_MODES.flatMap((mode) => always(setCollector(mode))),
  ...NOS.flatMap(([way, at]) => MOMENTS.flatMap((moment) => always(refuseInFlight(way, at, moment), refuseInFlight(way, at, moment)))),
  ...(['API', 'page'] as const).flatMap((way) => REPLICAS.flatMap((at) => always(
    refuseUnwritten(way, at, 'full'), refuseUnwritten(way, at, 'full'), refuseUnwritten(way, at, 'full'), refuseUnwritten(way, at, 'locked')))),
  ...always(setCollector('slow'), holdTunnels, openTunnels),
  ...always(breakDatabase('full'), breakDatabase('locked'), mendDatabase, passTime)
]
