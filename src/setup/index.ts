import { TypeBoxValidatorCompiler, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { decide } from '../http/decide.js'
import { answer } from '../http/forms.js'
import { signalHangUp } from '../http/hang-up.js'
import { RequestProblem } from '../http/request-problem.js'
import { createAdministrator, findAdministrator } from './administrator.js'
import { rememberBrowser, requireOwner } from './owner.js'
import { createUserSchema, decisionSchema, finishSchema } from './schema.js'
import { showStep, showStepAgain } from './wizard.js'

/**
 * The setup wizard: creates the administrator, asks for a decision on telemetry, and finishes the setup.
 * The first visitor creates the administrator; after that only the administrator can continue. Once the setup is
 * finished, its routes no longer exist.
 */
const setup: FastifyPluginAsyncTypebox = async (app) => {
  app.setValidatorCompiler(TypeBoxValidatorCompiler)
  app.addHook('onRequest', async (request, reply) => {
    // Reread, because another replica may have finished the setup.
    if (!await app.settings.refresh('setup:initialised')) return
    return request.method === 'GET' ? reply.redirect('/') : reply.callNotFound()
  })
  const guarded = { preValidation: app.csrfProtection, errorHandler: showStepAgain }

  app.get('/setup', showStep)
  for (const form of ['create-user', 'settings', 'finish']) app.get(`/setup/${form}`, showWizard)

  app.post('/setup/create-user', {
    ...guarded, schema: { tags: ['setup'], summary: 'Create the administrator', body: createUserSchema }
  }, async (request, reply) => {
    const { name, username, email, password } = request.body
    const administrator = await createAdministrator(app, { name, username, email, password }, signalHangUp(reply))
    await rememberBrowser(request)
    await reply.signIn(administrator)
    return answer(request, reply, '/setup')
  })

  const owned = { ...guarded, preHandler: requireOwner }

  app.post('/setup/settings', {
    ...owned, schema: { tags: ['setup'], summary: 'Decide on telemetry', body: decisionSchema }
  }, async (request, reply) => {
    // While the operator has turned telemetry off, the switch is locked, and its value does not count: "on" would take
    // effect later, unnoticed.
    const enabled = request.body.telemetry && !await app.telemetry.operatorConsent()
    await decide(app, { enabled, way: 'wizard', who: await nameOf(request) })
    return answer(request, reply, '/setup')
  })

  app.post('/setup/finish', {
    ...owned, schema: { tags: ['setup'], summary: 'Finish the setup', body: finishSchema }
  }, async (request, reply) => {
    if (!await findAdministrator(app)) {
      throw new RequestProblem(409, 'no_administrator', 'Create the administrator first.')
    }
    await app.settings.set('setup:initialised', true)
    // Until now the last log entry about telemetry says that the setup is not finished.
    await app.telemetry.consent().then(({ explanation }) => { app.log.info(explanation) }).catch(() => {})
    return answer(request, reply, '/')
  })

  /** Returns the name to record; empty before there is an administrator. */
  async function nameOf ({ user }: FastifyRequest): Promise<string> {
    return (user ?? await findAdministrator(app))?.username ?? ''
  }
}

/** A form that was refused leaves its address in the browser. */
const showWizard = async (_request: FastifyRequest, reply: FastifyReply) => reply.redirect('/setup')

export default setup
