import { TypeBoxValidatorCompiler, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { csrfToken } from '../accounts/schema.js'
import { decide } from '../http/decide.js'
import { formatDistance, formatMoment } from '../views/dates.js'
import { describePing } from '../views/ping.js'
import { describeOutcome } from '../telemetry/describe-outcome.js'
import type { LoggedPing } from '../telemetry/index.js'
import { compareReceipt } from './compare-receipt.js'
import { readTelemetry, sendPing } from './read-telemetry.js'
import { settingsSchema } from './schema.js'

const PAGE = '/admin/settings/telemetry'

/** How many pings the page shows before it is asked for all. */
const NEWEST = 10

/** Admin Settings, Telemetry: what is decided, what would be sent, what was sent. */
export const telemetryPage: FastifyPluginAsyncTypebox = async (app) => {
  app.setValidatorCompiler(TypeBoxValidatorCompiler)

  app.get<{ Querystring: { sent?: string, pings?: string } }>(PAGE, async (request, reply) => {
    const { sent, pings } = request.query
    return reply.page('admin/telemetry', await collectPage(app, Number(sent), pings === 'all'))
  })

  app.post(PAGE, {
    schema: { body: Type.Object({ ...settingsSchema.properties, _csrf: Type.Optional(csrfToken) }, { additionalProperties: false }) }
  }, async (request, reply) => {
    await decide(app, { enabled: request.body['telemetry:enabled'], way: 'page', who: request.user!.username })
    return reply.redirect(PAGE, 303)
  })

  app.post(`${PAGE}/pings`, async (_request, reply) => {
    const ping = await sendPing(app)
    return reply.redirect(`${PAGE}?sent=${ping.id}#send`, 303)
  })
}

async function collectPage (app: FastifyInstance, sentId: number, showAll: boolean) {
  const state = await readTelemetry(app)
  const log = (await app.telemetry.pings()).map(describeLogged)
  return {
    state,
    enabled: app.settings.get('telemetry:enabled') === true,
    ping: describePing(await app.telemetry.preview()),
    pings: showAll ? log : log.slice(0, NEWEST),
    total: log.length,
    last: log[0],
    sent: log.find(({ id }) => id === sentId),
    formatMoment,
    formatDistance
  }
}

function describeLogged (ping: LoggedPing) {
  return { ...ping, words: describeOutcome(ping), compared: compareReceipt(ping.body, ping.receipt) }
}
