import type { FastifyReply } from 'fastify'
import { RequestProblem } from './request-problem.js'

/** Creates the problem of a request whose client has closed the connection. Nobody reads it, and it is not logged. */
export const clientGone = () => new RequestProblem(400, 'client_gone', 'The client has closed the connection.')

/**
 * Returns a signal that is aborted if the client closes the connection before it has its answer. Fastify's own
 * `request.signal` is aborted as soon as the body is read:
 * https://github.com/fastify/fastify/blob/v5.12.8/lib/request.js#L220
 */
export function signalHangUp ({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  if (raw.destroyed) controller.abort()
  else raw.once('close', () => { if (!raw.writableFinished) controller.abort() })
  return controller.signal
}

/**
 * Stops work whose result is no longer needed.
 *
 * @throws RequestProblem if the client has closed the connection
 */
export function assertAwaited (signal?: AbortSignal): void {
  if (signal?.aborted) throw clientGone()
}
