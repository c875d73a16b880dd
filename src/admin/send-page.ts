import type { FastifyReply, FastifyRequest } from 'fastify'
import { findProblems, setStatus } from '../http/errors.js'
import type { RequestProblem } from '../http/request-problem.js'
import type { Flash } from './flash.js'
import { collectPage } from './page-content.js'

/** The address of the Telemetry page. */
export const PAGE = '/admin/settings/telemetry'

/** Content of the Telemetry page that depends on the request. */
export interface PageNews {
  /** The last action, or the form that `problem` and `held` belong to. */
  flash?: Flash
  /** The problem of a form. */
  problem?: string
  /** What the receiver holds of this installation, as it answered. */
  held?: object
}

/** Shows the Telemetry page. */
export async function sendPage (request: FastifyRequest, reply: FastifyReply, { flash, problem, held }: PageNews) {
  const showAll = (request.query as { pings?: string }).pings === 'all'
  return reply.page('admin/telemetry', { ...await collectPage(request, showAll, { flash, held }), problem })
}

/** Shows the Telemetry page with what went wrong with one of its forms. @throws any error that is not the request's */
export async function sendPageAgain (error: Error, request: FastifyRequest, reply: FastifyReply, flash: Flash) {
  const problems = request.user?.admin && findProblems(error, request)
  if (!problems) throw error
  setStatus(error as RequestProblem, reply)
  return sendPage(request, reply, { flash, problem: Object.values(problems).join(' ') })
}
