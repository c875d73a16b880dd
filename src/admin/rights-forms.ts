import { TypeBoxValidatorCompiler, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { csrfToken } from '../accounts/schema.js'
import { leaveFlash } from './flash.js'
import { forget, readHeld, takeNewId } from './rights.js'
import { PAGE, sendPage, sendPageAgain } from './send-page.js'

const closed = { additionalProperties: false }
const _csrf = Type.Optional(csrfToken)

/** The forms of the Telemetry page that ask the receiver what it holds, delete it, or take a new id. */
export const rightsForms: FastifyPluginAsyncTypebox = async (app) => {
  app.setValidatorCompiler(TypeBoxValidatorCompiler)

  app.post(`${PAGE}/held`, {
    schema: { body: Type.Object({ _csrf }, closed) },
    errorHandler: (error, request, reply) => sendPageAgain(error, request, reply, 'held')
  }, async (request, reply) => sendPage(request, reply, { flash: 'held', held: await readHeld(app) }))

  app.post(`${PAGE}/forget`, {
    schema: {
      body: Type.Object({
        confirm: Type.Literal(true, { description: 'Nothing was deleted: tick the box above the button first.' }),
        _csrf
      }, closed)
    },
    errorHandler: (error, request, reply) => sendPageAgain(error, request, reply, 'forget')
  }, async (request, reply) => {
    const { pings } = await forget(app, by(request))
    leaveFlash(reply, `forgotten-${pings}`)
    return reply.redirect(PAGE, 303)
  })

  app.post(`${PAGE}/new-id`, {
    schema: { body: Type.Object({ _csrf }, closed) },
    errorHandler: (error, request, reply) => sendPageAgain(error, request, reply, 'new-id')
  }, async (request, reply) => {
    await takeNewId(app, by(request))
    leaveFlash(reply, 'new-id')
    return reply.redirect(PAGE, 303)
  })
}

const by = (request: FastifyRequest) => ({ way: 'page', who: request.user!.username }) as const
