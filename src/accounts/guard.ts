import type { FastifyReply, FastifyRequest } from 'fastify'
import { expectsPage } from '../http/errors.js'
import { RequestProblem } from '../http/request-problem.js'

/** A hook for routes that are the administrators' alone. It runs before anything of the request is read. */
export async function requireAdministrator (request: FastifyRequest, reply: FastifyReply) {
  if (request.user && !request.user.admin) throw new RequestProblem(403, 'forbidden', 'Only administrators can open this.')
  return requireUser(request, reply)
}

/** A hook for routes that need somebody signed in. Leads a person to the login, and from there to the page asked for. */
export async function requireUser (request: FastifyRequest, reply: FastifyReply) {
  if (request.user) return
  if (!expectsPage(request)) throw new RequestProblem(401, 'unauthorized', 'Sign in as an administrator first.')
  return reply.redirect(`/account/login?next=${encodeURIComponent(request.url)}`, 303)
}
