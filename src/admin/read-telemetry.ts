import type { FastifyInstance } from 'fastify'
import { RequestProblem } from '../http/request-problem.js'
import type { Consent, LoggedPing, NewProperty } from '../telemetry/index.js'

const NOT_RECORDED = 'It could not be made or recorded; the log of the platform says why.'

/** The state of telemetry, as the pages and the API show it. */
export interface TelemetryState extends Consent {
  /**
   * Whether the operator, or the platform itself, has turned telemetry off, so that an administrator cannot change it.
   */
  locked: boolean
  /** Where pings are posted to; null while that is unclear. */
  url: string | null
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
 * @param idempotencyKey a UUID for this action: a form submitted twice sends one ping
 * @throws RequestProblem 409 with the explanation if consent is refused; 503 if the ping cannot be made or recorded,
 *   since none is sent then
 */
export async function sendPing (app: FastifyInstance, idempotencyKey?: string): Promise<LoggedPing> {
  try {
    return await app.telemetry.send(idempotencyKey)
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    if (code === 'telemetry_off') throw new RequestProblem(409, code, message)
    app.log.error({ err: error }, 'A ping could not be made or recorded, so none was sent.')
    const reason = code === 'invalid_ping' ? `${message}.` : NOT_RECORDED
    throw new RequestProblem(503, 'ping_not_sent', `No ping was sent. ${reason}`)
  }
}
