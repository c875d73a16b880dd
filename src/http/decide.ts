import type { FastifyInstance } from 'fastify'
import type { Decision } from '../db/telemetry-decision.js'
import { RequestProblem } from './request-problem.js'

const NOT_TURNED_ON = 'Telemetry was not turned on: the database could not save that.'

/**
 * Turns telemetry on or off for a request, and logs it.
 *
 * @throws RequestProblem 409 for turning telemetry on while the operator has turned it off, as it would take effect
 *   unnoticed later; 503 if turning it off holds but could not be saved, or if turning it on could not be saved
 */
export async function decide (
  app: FastifyInstance, decision: Pick<Decision, 'enabled' | 'way' | 'who'>
): Promise<void> {
  const { enabled, way } = decision
  const operator = enabled ? await app.telemetry.operatorConsent() : undefined
  if (operator) throw new RequestProblem(409, 'telemetry_locked', operator.explanation)
  try {
    await app.decisions.decide(decision)
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    const problem = code === 'decision_not_saved' ? message : NOT_TURNED_ON
    app.log.warn({ err: error }, problem)
    throw new RequestProblem(503, 'decision_not_saved', problem)
  }
  // Without the name, which is in the record of the decision: more people read the log.
  app.log.info(`Telemetry was turned ${enabled ? 'on' : 'off'} (${way}).`)
  if (app.decisions.unwritten !== 'record') return
  app.log.warn('The database could not record who decided. That is tried again.')
}
