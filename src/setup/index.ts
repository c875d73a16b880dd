import { TypeBoxValidatorCompiler, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { answer } from '../http/forms.js'
import { RequestProblem } from '../http/request-problem.js'
import { createAdministrator, findAdministrator } from './administrator.js'
import { createUserSchema, decisionSchema, finishSchema } from './schema.js'
import { showStep, showStepAgain } from './wizard.js'

/**
 * The setup wizard: from an empty database to a platform with an administrator and a decision on telemetry.
 * Until it is finished, whoever reaches the platform sets it up; afterwards it is gone.
 */
const setup: FastifyPluginAsyncTypebox = async (app) => {
  app.setValidatorCompiler(TypeBoxValidatorCompiler)
  app.addHook('onRequest', async (request, reply) => {
    // Read afresh: another replica may have finished the setup.
    if (!await app.settings.refresh('setup:initialised')) return
    return request.method === 'GET' ? reply.redirect('/') : reply.callNotFound()
  })
  const guarded = { preValidation: app.csrfProtection, errorHandler: showStepAgain }

  app.get('/setup', showStep)

  app.post('/setup/create-user', {
    ...guarded, schema: { tags: ['setup'], summary: 'Create the administrator', body: createUserSchema }
  }, async (request, reply) => {
    const { _csrf, ...account } = request.body
    await reply.signIn(await createAdministrator(app, account))
    return answer(request, reply, '/setup')
  })

  app.post('/setup/settings', {
    ...guarded, schema: { tags: ['setup'], summary: 'Decide on telemetry', body: decisionSchema }
  }, async (request, reply) => {
    await app.settings.set('telemetry:enabled', request.body.telemetry)
    return answer(request, reply, '/setup')
  })

  app.post('/setup/finish', {
    ...guarded, schema: { tags: ['setup'], summary: 'Finish the setup', body: finishSchema }
  }, async (request, reply) => {
    if (!await findAdministrator(app)) {
      throw new RequestProblem(409, 'no_administrator', 'Create the administrator first.')
    }
    await app.settings.set('setup:initialised', true)
    return answer(request, reply, '/')
  })
}

export default setup
