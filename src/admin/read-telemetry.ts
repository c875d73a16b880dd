import type { FastifyInstance } from 'fastify'
import { RequestProblem } from '../http/request-problem.js'
import type { Consent, LoggedPing, NewProperty } from '../telemetry/index.js'

/** The state of telemetry, as pages and the API show it. */
export interface TelemetryState extends Consent {
  /**
   * Whether the operator, or the platform itself, has turned telemetry off, so that an administrator cannot change it.
   */
  locked: boolean
  /** The URL that pings are posted to. */
  url: string
  /** null while telemetry is off. */
  nextDailyPing: Date | null
  /** Properties that this release could send but that are not agreed to; empty while telemetry is off. */
  newProperties: NewProperty[]
}

export async function readTelemetry ({ telemetry }: FastifyInstance): Promise<TelemetryState> {
  const consent = await telemetry.consent()
  return {
    ...consent,
    locked: await telemetry.operatorConsent() !== undefined,
    url: telemetry.url,
    nextDailyPing: consent.allowed ? telemetry.nextDaily() : null,
    newProperties: await telemetry.newProperties()
  }
}

/**
 * Sends a ping now.
 *
 * @param idempotencyKey a UUID, so that a form that is sent twice sends one ping
 * @throws RequestProblem 409 with the explanation if consent is refused
 */
export async function sendPing (app: FastifyInstance, idempotencyKey?: string): Promise<LoggedPing> {
  try {
    return await app.telemetry.send(idempotencyKey)
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    if (code === 'telemetry_off') throw new RequestProblem(409, code, message)
    throw error
  }
}
