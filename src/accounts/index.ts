import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { User } from '../db/models.js'
import { SESSION_COOKIE } from '../http/csrf.js'
import { isSecure } from '../http/scheme.js'
import { AccountAttempts } from './attempts.js'
import { login } from './login.js'
import { closeSession, findUser, openSession, SESSION_LIFETIME } from './session.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is signed in, or null. */
    user: User | null
  }
  interface FastifyReply {
    /** Signs a user in, in a new session; the one before, if any, ends. */
    signIn: (user: User) => Promise<void>
    signOut: () => Promise<void>
  }
}

const cookieOptions = (request: FastifyRequest) => (
  { path: '/', httpOnly: true, sameSite: 'lax', secure: isSecure(request) } as const)

/** Accounts: who is signed in on each request, and the login. */
export default fp(async (app) => {
  const { models } = app.db
  const attempts = new AccountAttempts(app)

  app.decorateRequest('user', null)
  app.addHook('onRequest', async (request) => {
    const cookie = request.cookies[SESSION_COOKIE]
    if (cookie) request.user = await findUser(models, cookie)
  })
  app.addHook('preHandler', async (request) => {
    if (request.user && request.body !== undefined) request.user = await findUser(models, request.cookies[SESSION_COOKIE]!)
  })
  app.decorateReply('signIn', async function (this: FastifyReply, user: User) {
    await this.signOut()
    this.setCookie(SESSION_COOKIE, await openSession(models, user), { ...cookieOptions(this.request), maxAge: SESSION_LIFETIME / 1000 })
    this.request.user = user
    attempts.remember(this.request, user.username)
  })
  app.decorateReply('signOut', async function (this: FastifyReply) {
    const cookie = this.request.cookies[SESSION_COOKIE]
    if (cookie) await closeSession(models, cookie)
    this.clearCookie(SESSION_COOKIE, cookieOptions(this.request))
    this.request.user = null
    this.renewCsrf()
  })
  await app.register(login, { attempts })
}, { name: 'app.accounts', dependencies: ['app.db', 'app.views'], fastify: '5.x' })
