import { test } from 'node:test'
import fc from 'fast-check'
import { inSoak } from '../helpers/soak.js'
import { settle, steps } from './commands.js'
import { Model } from './model.js'
import { COLLECTOR_MODES, World } from './world.js'

const { MODEL_RUNS = inSoak('300', '20'), MODEL_STEPS = inSoak('30', '6'), MODEL_SEED, MODEL_PATH, MODEL_REPLAY } = process.env

/**
 * Random sequences of what people, files and machines do. A sequence that fails is printed, shrunk, with its seed, path and
 * replayPath: give them as MODEL_SEED, MODEL_PATH and MODEL_REPLAY to play it again. MODEL_RUNS sequences of up to MODEL_STEPS.
 */
test(`${MODEL_RUNS} sequences: no byte after a no, no ping lost, and the record is right`, async (t) => {
  const world = await World.create(t)
  // The first of each is the ordinary one, to which a failing sequence is shrunk.
  const beginnings = fc.record({
    initialised: fc.constantFrom(true, false), proxyHolds: fc.boolean(), collector: fc.constantFrom(...COLLECTOR_MODES)
  })
  const sequences = fc.commands(steps, { maxCommands: Number(MODEL_STEPS), size: 'max', ...MODEL_REPLAY && { replayPath: MODEL_REPLAY } })
  await fc.assert(fc.asyncProperty(beginnings, sequences, async ({ initialised, proxyHolds, collector }, sequence) => {
    await world.reset(initialised)
    const model = new Model(initialised)
    model.collector = world.collector = collector
    model.proxyHolds = proxyHolds
    if (proxyHolds) world.hold()
    await fc.asyncModelRun(() => ({ model, real: world }), sequence)
    await settle(model, world)
  }), {
    numRuns: Number(MODEL_RUNS),
    endOnFailure: false,
    includeErrorInReport: true,
    ...MODEL_SEED && { seed: Number(MODEL_SEED) },
    ...MODEL_PATH && { path: MODEL_PATH }
  })
})
