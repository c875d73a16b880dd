import type { FastifyReply } from 'fastify'
import { RequestProblem } from './request-problem.js'

/** The problem of a request whose client has hung up. Nobody reads it, and nothing is logged of it. */
export const clientGone = () => new RequestProblem(400, 'client_gone', 'The client has closed the connection.')

/**
 * A signal that is aborted when the client hangs up before it has its answer. Fastify's `request.signal` is
 * aborted as soon as the body is read: https://github.com/fastify/fastify/blob/v5.12.8/lib/request.js#L220
 */
export function signalHangUp ({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  if (raw.destroyed) controller.abort()
  else raw.once('close', () => { if (!raw.writableFinished) controller.abort() })
  return controller.signal
}

/**
 * Ends work that nobody waits for any more.
 *
 * @throws RequestProblem if the client has hung up
 */
export function assertAwaited (signal?: AbortSignal): void {
  if (signal?.aborted) throw clientGone()
}
