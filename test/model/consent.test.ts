import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { inSoak } from '../helpers/soak.js'
import { steps, walk } from './commands.js'
import { Model } from './model.js'
import { settle } from './step.js'
import { COLLECTOR_MODES, World } from './world.js'

const {
  MODEL_RUNS = inSoak('300', '0'), MODEL_STEPS = '30', MODEL_WORLDS = '3', MODEL_SEED, MODEL_PATH, MODEL_REPLAY
} = process.env

/** The number of concurrent worlds, as sequences mostly wait. Replaying a sequence needs one. */
const WORLDS = MODEL_SEED === undefined ? Number(MODEL_WORLDS) : 1
const RUNS_EACH = Math.ceil(Number(MODEL_RUNS) / WORLDS)

/**
 * Walks through most kinds of actions of people, files and machines once.
 *
 * In the soak test, or if MODEL_RUNS is set, also runs that many random sequences of up to MODEL_STEPS
 * actions. A failing sequence is shrunk and printed with its seed, path and replayPath: set MODEL_SEED, MODEL_PATH and
 * MODEL_REPLAY to replay it.
 */
describe('no byte follows a refusal, no ping is lost, and the record is right', { concurrency: true }, () => {
  test(`in a walk of ${walk.length} steps`, takeWalk)

  const worlds = RUNS_EACH > 0 ? WORLDS : 0
  for (let world = 1; world <= worlds; world++) test(`in ${RUNS_EACH} sequences, world ${world}`, playSequences)
})

async function takeWalk (t: TestContext): Promise<void> {
  const world = await World.create(t)
  await world.reset(false)
  const model = new Model(false)
  for (const [place, command] of walk.entries()) {
    const name = `step ${place + 1}, ${String(command)}`
    assert.ok(command.check(model), `${name}: not possible here`)
    await command.run(model, world).catch((error: Error) => {
      error.message = `${name}: ${error.message}`
      throw error
    })
  }
  await settle(model, world)
}

async function playSequences (t: TestContext): Promise<void> {
  const world = await World.create(t)
  // The first of each is the normal case, to which a failing sequence is shrunk.
  const beginnings = fc.record({
    initialised: fc.constantFrom(true, true, true, false), collector: fc.constantFrom(...COLLECTOR_MODES)
  })
  const sequences = fc.commands(steps, { maxCommands: Number(MODEL_STEPS), size: 'max', ...MODEL_REPLAY && { replayPath: MODEL_REPLAY } })
  await fc.assert(fc.asyncProperty(beginnings, sequences, async ({ initialised, collector }, sequence) => {
    await world.reset(initialised)
    const model = new Model(initialised)
    model.collector = world.collector = collector
    await fc.asyncModelRun(() => ({ model, real: world }), sequence)
    await settle(model, world)
  }), {
    numRuns: RUNS_EACH,
    endOnFailure: false,
    includeErrorInReport: true,
    ...MODEL_SEED && { seed: Number(MODEL_SEED) },
    ...MODEL_PATH && { path: MODEL_PATH }
  })
}
