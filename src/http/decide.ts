import type { FastifyInstance } from 'fastify'
import type { Decision } from '../db/telemetry-decision.js'
import { RequestProblem } from './request-problem.js'

/**
 * Turns telemetry on or off for a request, and logs it.
 *
 * @throws RequestProblem 409 if telemetry is turned on while the operator has turned it off, because that would take
 *   effect later, unnoticed; 503 if telemetry is off now, but that could not be saved
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
    if (code !== 'decision_not_saved') throw error
    app.log.warn({ err: error }, message)
    throw new RequestProblem(503, code, message)
  }
  // Without the name, which is in the record of the decision: more people read the log.
  app.log.info(`Telemetry was turned ${enabled ? 'on' : 'off'} (${way}).`)
}
