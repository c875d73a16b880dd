import { TypeBoxValidatorCompiler, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { requireAdministrator, requireUser } from '../accounts/guard.js'
import { csrfToken } from '../accounts/schema.js'
import { decide } from '../http/decide.js'
import { RequestProblem } from '../http/request-problem.js'
import { describeReceiver, describeState } from '../telemetry/describe-state.js'
import { pingProperties } from '../telemetry/ping.js'
import type { LoggedPing } from '../telemetry/index.js'
import { describeDetail } from './describe-logged.js'
import { leaveFlash, takeFlash } from './flash.js'
import { sendPing } from './read-telemetry.js'
import { rightsForms } from './rights-forms.js'
import { settingsSchema } from './schema.js'
import { PAGE, sendPage, sendPageAgain } from './send-page.js'

const closed = { additionalProperties: false }
const _csrf = Type.Optional(csrfToken)
const intention = Type.Optional(Type.String({ format: 'uuid', description: 'Has to be a UUID.' }))

/** The Telemetry page of Admin Settings: the decision, what would be sent, what was sent. */
export const telemetryPage: FastifyPluginAsyncTypebox = async (app) => {
  app.setValidatorCompiler(TypeBoxValidatorCompiler)
  app.addHook('onRequest', (request, reply) => (
    request.method === 'GET' && request.routeOptions.url === PAGE ? requireUser : requireAdministrator)(request, reply))
  // Checked again after the body is read, because the session may have ended meanwhile.
  app.addHook('preHandler', async (request, reply) => {
    if (request.method === 'POST') return requireAdministrator(request, reply)
  })
  await app.register(rightsForms)
  // A form that was refused leaves its address in the browser: opened from there, or after the login, it is the page.
  for (const form of ['pings', 'held', 'forget', 'new-id']) {
    app.get(`${PAGE}/${form}`, (_request, reply) => reply.redirect(PAGE))
  }

  app.get<{ Querystring: { pings?: string } }>(PAGE, async (request, reply) => {
    if (!request.user!.admin) return reply.page('admin/state', await readState(app))
    return sendPage(request, reply, { flash: takeFlash(request, reply) })
  })

  app.post(PAGE, {
    schema: { body: Type.Object({ ...settingsSchema.properties, _csrf }, closed) },
    errorHandler: (error, request, reply) => sendPageAgain(error, request, reply, 'switch')
  }, async (request, reply) => {
    await decide(app, { enabled: request.body['telemetry:enabled'], way: 'page', who: request.user!.username })
    leaveFlash(reply, 'switch')
    return reply.redirect(PAGE, 303)
  })

  app.post(`${PAGE}/pings`, {
    schema: { body: Type.Object({ intention, _csrf }, closed) },
    errorHandler: (error, request, reply) => sendPageAgain(error, request, reply, 'send')
  }, async (request, reply) => {
    const { id } = await sendPing(app, request.body.intention)
    leaveFlash(reply, `sent-${id}`)
    return reply.redirect(PAGE, 303)
  })

  app.get<{ Params: { id: string } }>(`${PAGE}/pings/:id`, async (request, reply) => {
    return reply.page('admin/ping', { ping: describeDetail(await findPing(app, request.params.id)) })
  })

  app.get<{ Params: { id: string } }>(`${PAGE}/pings/:id/receipt`, async (request, reply) => {
    const { id, receipt } = await findPing(app, request.params.id)
    // As plain text, so that an answer in HTML is never shown as a page of the platform.
    return reply.type('text/plain; charset=utf-8')
      .header('content-disposition', `attachment; filename="telemetry-receipt-${id}.txt"`).send(receipt ?? '')
  })
}

/** Reads the part of the state that every user may see. */
async function readState ({ telemetry }: FastifyInstance) {
  const consent = await telemetry.consent()
  return {
    state: describeState(consent, undefined),
    receiver: describeReceiver(telemetry.url),
    properties: pingProperties
  }
}

/** Finds a ping of the log. @throws RequestProblem 404 */
async function findPing ({ telemetry }: FastifyInstance, id: string): Promise<LoggedPing> {
  const ping = /^\d{1,15}$/.test(id) ? await telemetry.ping(Number(id)) : undefined
  if (ping) return ping
  throw new RequestProblem(404, 'not_found', 'This ping is not in the log: it holds the newest 100.')
}
