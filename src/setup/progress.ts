import type { FastifyInstance } from 'fastify'
import type { User } from '../db/models.js'
import { findAdministrator } from './administrator.js'

/** The steps of the wizard, in order. */
export const STEPS = ['administrator', 'telemetry', 'finish'] as const

export type Step = typeof STEPS[number]

export interface Progress {
  administrator: User | null
  /** The first step that is still to do. */
  next: Step
}

/** Finds the progress of the setup in the database, so that restarts and replicas do not lose it. */
export async function findProgress (app: FastifyInstance): Promise<Progress> {
  const administrator = await findAdministrator(app)
  const decided = await app.db.models.PlatformSetting.findByPk('telemetry:enabled') !== null
  const next = !administrator ? 'administrator' : decided ? 'finish' : 'telemetry'
  return { administrator, next }
}

/** Chooses the step to show: the requested one if it has been reached, else the next. */
export function chooseStep (asked: unknown, { next }: Progress): Step {
  const step = STEPS.find((name) => name === asked)
  return step && STEPS.indexOf(step) <= STEPS.indexOf(next) ? step : next
}
