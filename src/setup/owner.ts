import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequestProblem } from '../http/request-problem.js'
import { findAdministrator } from './administrator.js'

const hash = (cookie: string) => createHash('sha256').update(cookie).digest('hex')

/** Remembers the browser that created the administrator, by the hash of its `_csrf` cookie. */
export async function rememberBrowser ({ cookies, server: { settings } }: FastifyRequest): Promise<void> {
  if (cookies._csrf) await settings.set('setup:browser', hash(cookies._csrf))
}

/**
 * Checks whether a request may continue the setup. Before there is an administrator every request may; after that only
 * the signed-in administrator, or the browser that created the account, because existing automation keeps the `_csrf`
 * cookie and sends no session.
 */
export async function ownsSetup ({ user, cookies, server: app }: FastifyRequest): Promise<boolean> {
  if (user?.admin || !await findAdministrator(app)) return true
  const browser = await app.settings.refresh('setup:browser')
  return cookies._csrf !== undefined && hash(cookies._csrf) === browser
}

/**
 * Refuses a request that may not continue the setup. Runs after the body is read, because the setup may have been
 * finished, or an administrator created, since the headers arrived.
 *
 * @throws RequestProblem 401
 */
export async function requireOwner (request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  if (await request.server.settings.refresh('setup:initialised')) return reply.callNotFound()
  if (await ownsSetup(request)) return undefined
  throw new RequestProblem(401, 'unauthorized',
    'This platform has an administrator. Sign in with that account to go on with the setup.')
}
