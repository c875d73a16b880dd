import { describe, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { inSoak } from '../helpers/soak.js'
import { steps } from './commands.js'
import { Model } from './model.js'
import { settle } from './step.js'
import { COLLECTOR_MODES, World } from './world.js'

const {
  MODEL_RUNS = inSoak('300', '20'), MODEL_STEPS = inSoak('30', '6'), MODEL_WORLDS = '3', MODEL_SEED, MODEL_PATH, MODEL_REPLAY
} = process.env

/** The number of concurrent worlds, as sequences mostly wait. Replaying a sequence needs one. */
const WORLDS = MODEL_SEED === undefined ? Number(MODEL_WORLDS) : 1
const RUNS_EACH = Math.ceil(Number(MODEL_RUNS) / WORLDS)

/**
 * Runs MODEL_RUNS random sequences of up to MODEL_STEPS actions of people, files and machines. A failing sequence is
 * shrunk and printed with its seed, path and replayPath: set MODEL_SEED, MODEL_PATH and MODEL_REPLAY to replay it.
 */
describe('no byte follows a refusal, no ping is lost, and the record is right', { concurrency: true }, () => {
  for (let world = 1; world <= WORLDS; world++) test(`in ${RUNS_EACH} sequences, world ${world}`, playSequences)
})

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
