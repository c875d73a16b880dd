import { TypeBoxValidatorCompiler, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { forget, readHeld, takeNewId } from './rights.js'
import { answers, forgottenSchema, heldSchema, newIdSchema } from './schema.js'

/** The calls of the JSON API by which an administrator asks the receiver, or takes a new id. */
export const rightsApi: FastifyPluginAsyncTypebox = async (app) => {
  app.setValidatorCompiler(TypeBoxValidatorCompiler)

  app.post('/telemetry/held', {
    schema: answers(heldSchema, 'Ask the receiver what it holds')
  }, () => readHeld(app))

  app.post('/telemetry/forget', {
    schema: answers(forgottenSchema, 'Delete what the receiver holds, and take a new id')
  }, (request) => forget(app, { way: 'API', who: request.user!.username }))

  app.post('/telemetry/new-id', {
    schema: answers(newIdSchema, 'Take a new random id, for a copy of a machine')
  }, async (request) => {
    await takeNewId(app, { way: 'API', who: request.user!.username })
    return { instanceId: app.settings.get('instanceId')! }
  })
}
