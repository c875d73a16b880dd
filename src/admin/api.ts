import { TypeBoxValidatorCompiler, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifySchema } from 'fastify'
import { Type, type Static, type TSchema } from 'typebox'
import { pingSchema } from '../telemetry/ping.js'
import type { LoggedPing } from '../telemetry/index.js'
import { decisionSchema, type Decision } from '../db/telemetry-decision.js'
import { decide } from '../http/decide.js'
import { readTelemetry, sendPing } from './read-telemetry.js'
import { forget, readHeld, takeNewId } from './rights.js'
import {
  errorSchema, forgottenSchema, heldSchema, loggedPingSchema, newIdSchema, settingsSchema, telemetrySchema
} from './schema.js'

/** The JSON API of Admin Settings. Its documentation is generated from the schemas that validate it. */
export const api: FastifyPluginAsyncTypebox = async (app) => {
  app.setValidatorCompiler(TypeBoxValidatorCompiler)

  app.get('/settings', { schema: answers(settingsSchema, 'The settings') }, () => readSettings(app))

  app.put('/settings', {
    schema: { ...answers(settingsSchema, 'Change the settings'), body: settingsSchema }
  }, async (request) => {
    await decide(app, { enabled: request.body['telemetry:enabled'], way: 'API', who: request.user!.username })
    return readSettings(app)
  })

  app.get('/telemetry', {
    schema: answers(telemetrySchema, 'Whether telemetry is on, who decided, and what is next')
  }, () => describeTelemetry(app))

  app.get('/telemetry/preview', {
    schema: answers(pingSchema, 'The exact bytes of a ping sent now, also while telemetry is off')
  }, async (_request, reply: FastifyReply) => {
    // Sent as text, so that these are exactly the bytes that would be posted.
    return reply.type('application/json').send(await app.telemetry.preview())
  })

  app.get('/telemetry/decisions', {
    schema: answers(Type.Array(decisionSchema), 'Who turned telemetry on or off, newest first')
  }, async () => (await app.decisions.list()).map(decisionToJson))

  app.get('/telemetry/pings', {
    schema: answers(Type.Array(loggedPingSchema), 'The ping log, newest first')
  }, async () => (await app.telemetry.pings()).map(toJson))

  app.post('/telemetry/pings', {
    schema: answers(loggedPingSchema, 'Send a ping now')
  }, async () => toJson(await sendPing(app)))

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

  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
}

const answers = <T extends TSchema>(success: T, summary: string) => ({
  tags: ['admin'],
  summary,
  security: [{ session: [] }],
  response: { 200: success, '4xx': errorSchema, '5xx': errorSchema }
}) satisfies FastifySchema

async function readSettings (app: FastifyInstance): Promise<Static<typeof settingsSchema>> {
  return { 'telemetry:enabled': await app.settings.refresh('telemetry:enabled') === true }
}

async function describeTelemetry (app: FastifyInstance): Promise<Static<typeof telemetrySchema>> {
  const { nextDailyPing, ...state } = await readTelemetry(app)
  const [last] = await app.telemetry.pings()
  return { ...state, nextDailyPing: nextDailyPing?.toISOString() ?? null, lastPing: last ? toJson(last) : null }
}

const decisionToJson = (decision: Decision) => ({ ...decision, decidedAt: decision.decidedAt.toISOString() })

const toJson = (ping: LoggedPing) => (
  { ...ping, sentAt: ping.sentAt.toISOString(), nextAttemptAt: ping.nextAttemptAt?.toISOString() ?? null })
