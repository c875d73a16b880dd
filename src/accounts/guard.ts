import type { FastifyReply, FastifyRequest } from 'fastify'
import { expectsPage } from '../http/errors.js'
import { RequestProblem } from '../http/request-problem.js'

/** A hook for routes that are the administrators' alone. It runs before anything of the request is read. */
export async function requireAdministrator (request: FastifyRequest, reply: FastifyReply) {
  if (request.user?.admin) return
  if (request.user) throw new RequestProblem(403, 'forbidden', 'Only administrators can open this.')
  if (expectsPage(request)) return reply.redirect('/account/login', 303)
  throw new RequestProblem(401, 'unauthorized', 'Sign in as an administrator first.')
}
