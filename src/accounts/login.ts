import { TypeBoxValidatorCompiler, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import { findProblems, setStatus } from '../http/errors.js'
import { answer, isForm } from '../http/forms.js'
import { assertAwaited, clientGone, signalHangUp } from '../http/hang-up.js'
import { ownPath } from '../http/own-path.js'
import { RequestProblem } from '../http/request-problem.js'
import { readClient } from '../network/addresses.js'
import type { AccountAttempts } from './attempts.js'
import { authenticate } from './password.js'
import { loginSchema } from './schema.js'

/**
 * Attempts a minute from one address: enough for a person who mistypes, useless for guessing. Counted once the body is
 * read, so that the page that refuses one keeps the username, and where to go on.
 */
const LOGIN_LIMIT = {
  max: 10,
  timeWindow: '1 minute',
  hook: 'preValidation',
  keyGenerator: ({ ip }: FastifyRequest) => readClient(ip).network
} as const

/**
 * Limits of a body in bytes, because anybody can leave thousands unfinished: for a username of 64 and a password of
 * 1,024 characters, each percent-encoded as nine, and for only the token.
 */
export const LOGIN_BODY_LIMIT = 10 * 1024
const LOGOUT_BODY_LIMIT = 1024

/** Registers the login page, and signing in and out. */
export const login: FastifyPluginAsyncTypebox<{ attempts: AccountAttempts }> = async (app, { attempts }) => {
  app.setValidatorCompiler(TypeBoxValidatorCompiler)

  app.get<{ Querystring: { next?: string } }>('/account/login', async (request, reply) => {
    const next = ownPath(request.query.next)
    return request.user ? reply.redirect(next) : reply.page('accounts/login', { fields: loginSchema.properties, next })
  })

  app.post('/account/login', {
    config: { rateLimit: LOGIN_LIMIT, takesTurns: true },
    bodyLimit: LOGIN_BODY_LIMIT,
    onRequest: refuseGone,
    schema: { tags: ['account'], summary: 'Sign in', body: loginSchema },
    errorHandler: showLoginAgain
  }, async (request, reply) => {
    const { username, password } = request.body
    const hangUp = signalHangUp(reply)
    const user = await authenticate(async () => {
      await attempts.admit(request, username)
      const { User } = app.db.models
      const account = await User.findOne({ where: { username } })
      // Read for known names, too: the time of the second query would tell them from others.
      return { account, anyAccount: await User.findOne({ order: ['id'] }) }
    }, password, hangUp)
    assertAwaited(hangUp)
    if (!user) throw new RequestProblem(401, 'wrong_credentials', 'The username or the password is wrong.')
    await reply.signIn(user)
    return answer(request, reply, ownPath(request.body.next))
  })

  app.post('/account/logout', {
    bodyLimit: LOGOUT_BODY_LIMIT,
    schema: { tags: ['account'], summary: 'Sign out' }
  }, async (request, reply) => {
    await reply.signOut()
    return answer(request, reply, '/account/login')
  })
}

/** Refuses a client that has closed the connection: it has no address, so it cannot be limited. */
async function refuseGone ({ ip }: FastifyRequest): Promise<void> {
  if (!ip) throw clientGone()
}

function showLoginAgain (error: Error, request: FastifyRequest, reply: FastifyReply) {
  const problems = isForm(request) && findProblems(error, request)
  if (!problems) throw error
  setStatus(error as RequestProblem, reply)
  const values = (request.body ?? {}) as Partial<Static<typeof loginSchema>>
  return reply.page('accounts/login', { fields: loginSchema.properties, values, problems, next: ownPath(values.next) })
}
