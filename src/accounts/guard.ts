import type { FastifyReply, FastifyRequest } from 'fastify'
import { expectsPage } from '../http/errors.js'
import { RequestProblem } from '../http/request-problem.js'

/** A hook that admits only administrators. As onRequest, it runs before the body is read. */
export async function requireAdministrator (request: FastifyRequest, reply: FastifyReply) {
  if (request.user && !request.user.admin) {
    throw new RequestProblem(403, 'forbidden', 'Only administrators can open this.')
  }
  return requireUser(request, reply)
}

/** A hook that admits only signed-in users. Redirects others to the login, which returns to the requested page. */
export async function requireUser (request: FastifyRequest, reply: FastifyReply) {
  if (request.user) return
  if (!expectsPage(request)) throw new RequestProblem(401, 'unauthorized', 'Sign in as an administrator first.')
  return reply.redirect(`/account/login?next=${encodeURIComponent(request.url)}`, 303)
}
