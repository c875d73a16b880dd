import { Readable } from 'node:stream'
import { TypeBoxValidatorCompiler, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { Type, type Static } from 'typebox'
import { pingSchema } from '../telemetry/ping.js'
import type { LoggedPing } from '../telemetry/index.js'
import { decisionSchema, type Decision } from '../db/telemetry-decision.js'
import { decide } from '../http/decide.js'
import { readTelemetry, sendPing } from './read-telemetry.js'
import { rightsApi } from './rights-api.js'
import { answers, loggedPingSchema, settingsSchema, telemetrySchema } from './schema.js'
import { walkLog } from './walk-log.js'

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
  }, async (_request, reply: FastifyReply) => {
    const log = walkLog(app)
    // A log that cannot be read is an error, and not half of an answer.
    const newest = await log.next()
    return reply.type('application/json').send(Readable.from(serialiseLog(newest, log)))
  })

  app.post('/telemetry/pings', {
    schema: answers(loggedPingSchema, 'Send a ping now')
  }, async () => toJson(await sendPing(app)))

  await app.register(rightsApi)

  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
}

async function readSettings (app: FastifyInstance): Promise<Static<typeof settingsSchema>> {
  return { 'telemetry:enabled': await app.settings.refresh('telemetry:enabled') === true }
}

async function describeTelemetry (app: FastifyInstance): Promise<Static<typeof telemetrySchema>> {
  const { nextDailyPing, ...state } = await readTelemetry(app)
  const [last] = await app.telemetry.pings(1)
  return { ...state, nextDailyPing: nextDailyPing?.toISOString() ?? null, lastPing: last ? toJson(last) : null }
}

async function * serialiseLog (
  newest: IteratorResult<LoggedPing>, others: AsyncIterable<LoggedPing>
): AsyncGenerator<string> {
  yield newest.done ? '[' : `[${JSON.stringify(toJson(newest.value))}`
  for await (const ping of others) yield `,${JSON.stringify(toJson(ping))}`
  yield ']'
}

const decisionToJson = (decision: Decision) => ({ ...decision, decidedAt: decision.decidedAt.toISOString() })

const toJson = (ping: LoggedPing) => ({ ...ping, sentAt: toIso(ping.sentAt), nextAttemptAt: toIso(ping.nextAttemptAt) })

/** A damaged row may have no valid time. */
const toIso = (moment: Date | null) => moment && !Number.isNaN(moment.getTime()) ? moment.toISOString() : null
