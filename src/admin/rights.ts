import type { FastifyInstance } from 'fastify'
import type { Decision } from '../db/telemetry-decision.js'
import { RequestProblem } from '../http/request-problem.js'
import { forgetInstallation, takeNewInstanceId } from '../settings/instance-id.js'
import type { Forgotten } from '../telemetry/index.js'

type By = Pick<Decision, 'way' | 'who'>

/** HTTP statuses by the error code of a failed request to the receiver. */
const STATUSES: Record<string, number> = { telemetry_off: 409, right_not_offered: 502, receiver_unavailable: 503 }

/** Asks the receiver what it holds of this installation. @throws RequestProblem with the reason */
export function readHeld (app: FastifyInstance): Promise<object> {
  return app.telemetry.held().catch(tellProblem)
}

/** Deletes what the receiver holds of this installation, and takes a new id. @throws RequestProblem with the reason */
export async function forget (app: FastifyInstance, by: By): Promise<Forgotten> {
  const forgotten = await forgetInstallation(app, by).catch(tellProblem)
  app.log.info(`The receiver says that it has deleted what it held of this installation (${by.way}). ` +
    'It has a new instanceId.')
  return forgotten
}

/** Gives this installation a new id. */
export async function takeNewId (app: FastifyInstance, by: By): Promise<void> {
  await takeNewInstanceId(app, by)
  app.log.info(`The installation was given a new instanceId (${by.way}).`)
}

function tellProblem (error: Error & { code?: string }): never {
  const status = STATUSES[error.code ?? '']
  throw status ? new RequestProblem(status, error.code!, error.message) : error
}
