import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import type { User } from '../db/models.js'
import { SESSION_COOKIE } from '../http/csrf.js'
import { AccountAttempts } from './attempts.js'
import { login } from './login.js'
import { closeSession, findUser, openSession, SESSION_LIFETIME } from './session.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** The signed-in user, or null. */
    user: User | null
  }
  interface FastifyReply {
    /** Signs a user in, in a new session, and ends the previous one, if any. */
    signIn: (user: User) => Promise<void>
    signOut: () => Promise<void>
  }
}

/** Finds the signed-in user of each request, and registers the login. */
export default fp(async (app) => {
  const { models } = app.db
  const attempts = new AccountAttempts(app)
  const cookieOptions = { path: '/', httpOnly: true, sameSite: 'lax', secure: app.isSecure } as const

  app.decorateRequest('user', null)
  app.addHook('onRequest', async (request) => {
    const cookie = request.cookies[SESSION_COOKIE]
    if (cookie) request.user = await findUser(models, cookie)
  })
  app.addHook('preHandler', async (request) => {
    // The session may have ended while the body was read.
    if (!request.user || request.body === undefined) return
    request.user = await findUser(models, request.cookies[SESSION_COOKIE]!)
  })
  app.decorateReply('signIn', async function (this: FastifyReply, user: User) {
    await this.signOut()
    const cookie = await openSession(models, user)
    this.setCookie(SESSION_COOKIE, cookie, { ...cookieOptions, maxAge: SESSION_LIFETIME / 1000 })
    this.request.user = user
    attempts.remember(this.request, user.username)
  })
  app.decorateReply('signOut', async function (this: FastifyReply) {
    const cookie = this.request.cookies[SESSION_COOKIE]
    if (cookie) await closeSession(models, cookie)
    this.clearCookie(SESSION_COOKIE, cookieOptions)
    this.request.user = null
    this.renewCsrf()
  })
  await app.register(login, { attempts })
}, { name: 'app.accounts', dependencies: ['app.db', 'app.views'], fastify: '5.x' })
