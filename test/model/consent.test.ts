import { describe, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { inSoak } from '../helpers/soak.js'
import { steps } from './commands.js'
import { Model } from './model.js'
import { settle } from './step.js'
import { COLLECTOR_MODES, World } from './world.js'

const {
  MODEL_RUNS = inSoak('300', '6'), MODEL_STEPS = inSoak('30', '6'), MODEL_WORLDS = inSoak('3', '2'), MODEL_SEED, MODEL_PATH, MODEL_REPLAY
} = process.env

/** Worlds side by side: most of a sequence is waiting. A sequence that is played again needs one. */
const WORLDS = MODEL_SEED === undefined ? Number(MODEL_WORLDS) : 1
const RUNS_EACH = Math.ceil(Number(MODEL_RUNS) / WORLDS)

/**
 * Random sequences of what people, files and machines do. A sequence that fails is printed, shrunk, with its seed, path and
 * replayPath: give them as MODEL_SEED, MODEL_PATH and MODEL_REPLAY to play it again. MODEL_RUNS sequences of up to MODEL_STEPS.
 */
describe('no byte after a no, no ping lost, and the record is right', { concurrency: true }, () => {
  for (let world = 1; world <= WORLDS; world++) test(`in ${RUNS_EACH} sequences, world ${world}`, playSequences)
})

async function playSequences (t: TestContext): Promise<void> {
  const world = await World.create(t)
  // The first of each is the ordinary one, to which a failing sequence is shrunk.
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
