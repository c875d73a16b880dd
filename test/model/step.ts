import assert from 'node:assert/strict'
import timers from 'node:timers/promises'
import type fc from 'fast-check'
import { within } from '../helpers/within.js'
import type { Model } from './model.js'
import { REPLICAS, SENDERS, type ReplicaName, type World } from './world.js'

/**
 * How long after a no is acknowledged bytes may still arrive: those that were on their way, and those of another process
 * that had read the consent just before.
 */
const ARRIVAL_MS = 100

/** Waits for the bytes that had left when a no was acknowledged. */
export const arrival = () => timers.setTimeout(ARRIVAL_MS)

/** A ping that nobody answers is given up after ten seconds; one this old when a no is said is surely ended by that. */
const SURELY_WAITING_MS = 8_000

/** The reason in the refusing process, which aborts before it acknowledges. Others notice when they read consent. */
const ABORTED = 'telemetry was turned off in the settings'

export type Command = fc.AsyncCommand<Model, World>

/** Makes a command that runs a step, and then compares the world with the model. */
export function step (name: string, check: (model: Model) => boolean, run: (model: Model, world: World) => Promise<void>): Command {
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
  if (SENDERS.some((sender) => !model.allows(sender) && !model.silent.has(sender))) await arrival()
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

/**
 * Checks that the pings in flight of refused senders are cancelled, unless they timed out before.
 *
 * @param at the replica at which consent was refused; it aborts at once
 */
export async function settle (model: Model, world: World, at?: ReplicaName): Promise<void> {
  const now = performance.now()
  const waiting = world.inFlight.filter(({ sender }) => at ? sender === at : !model.allows(sender))
  for (const { sender, since, ended } of waiting) {
    const ping = await within(`the end of a ping of ${sender}`, ended)
    // The outcome in a killed process is unknown.
    if (!ping || (ping.outcome === 'failed' && now - since > SURELY_WAITING_MS)) continue
    assert.equal(ping.outcome, 'cancelled', `a ping of ${sender}`)
    if (at) assert.equal(ping.error, ABORTED, `a ping of ${sender}, where the no was said`)
  }
  world.inFlight.splice(0, Infinity, ...world.inFlight.filter((each) => !waiting.includes(each)))
}
