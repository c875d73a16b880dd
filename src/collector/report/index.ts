import helmet from '@fastify/helmet'
import fastifyStatic from '@fastify/static'
import fastifyView from '@fastify/view'
import { Eta } from 'eta'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { join } from 'node:path'
import { dayOf, dayOfDate } from '../day.js'
import { RequestError } from '../http/errors.js'
import { requireToken } from './access.js'
import { writeCsv } from './csv.js'
import type { Range } from './read-report.js'
import { openSource, type Source } from './source.js'
import { viewOf } from './view.js'

interface Options {
  databaseUrl: string
  token?: string
  /** Whether the weekly page needs no token. */
  isPublic: boolean
  now: () => number
}

const contentSecurityPolicy = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"]
  }
}

/** The style sheets of the platform's pages. Only files are shared, no code. */
const PLATFORM = join(import.meta.dirname, '../../views/assets')

const STYLES = ['pico.min.css', 'style.css', 'icon.svg', 'report.css']

/** The number of days that a report covers by default. */
const DAYS = 365

/** Serves the usage report as a page, JSON and CSV, with the token; and, if it is public, a weekly one without. */
export async function report (app: FastifyInstance, { databaseUrl, token, isPublic, now }: Options): Promise<void> {
  // Without includeSubDomains, as other hosts may not use https. Browsers ignore the header over plain http.
  await app.register(helmet, { contentSecurityPolicy, strictTransportSecurity: { includeSubDomains: false } })
  await app.register(fastifyStatic, { root: [PLATFORM, import.meta.dirname], serve: false })
  const eta = new Eta({ cache: true, views: import.meta.dirname })
  await app.register(fastifyView, { engine: { eta }, root: import.meta.dirname })
  const source = openSource(databaseUrl)
  app.addHook('onClose', () => source.close())
  const today = () => dayOf(now())

  await app.register(async (guarded) => {
    guarded.addHook('onRequest', requireToken(token))
    serveReport(guarded, source, today)
    serveStyles(guarded, '/report')
  })
  if (isPublic) {
    servePublic(app, source, today)
    serveStyles(app, '/usage')
  }
}

const rangeSchema = {
  type: 'object',
  properties: { from: { type: 'string' }, to: { type: 'string' }, figure: { type: 'string', maxLength: 64 } }
}

interface Asked {
  Querystring: { from?: string, to?: string, figure?: string }
}

function serveReport (app: FastifyInstance, source: Source, today: () => number): void {
  const schema = { querystring: rangeSchema }
  app.get<Asked>('/report.json', { schema }, async ({ query }, reply) =>
    fresh(reply).send(await source.report(rangeOf(query, today()))))
  app.get<Asked>('/report.csv', { schema }, async ({ query }, reply) => {
    const rows = await source.daily(rangeOf(query, today()), query.figure ? [query.figure] : undefined)
    return fresh(reply).type('text/csv; charset=utf-8').send(writeCsv(rows))
  })
  app.get<Asked>('/report', { schema }, async ({ query }, reply) =>
    fresh(reply).view('report.eta', viewOf(await source.report(rangeOf(query, today())), '/report')))
}

/** Serves the public figures, of finished weeks. */
function servePublic (app: FastifyInstance, source: Source, today: () => number): void {
  const read = async () => {
    const sunday = lastSunday(await source.newest() ?? today())
    return await source.report({ from: sunday - DAYS + 1, to: sunday })
  }
  const shared = (reply: FastifyReply) => reply.header('cache-control', 'public, max-age=3600')
  app.get('/usage.json', async (_request, reply) => shared(reply).send(await read()))
  app.get('/usage', async (_request, reply) => shared(reply).view('report.eta', viewOf(await read(), '/usage')))
}

/** Returns the last Sunday up to a day. Day 0, 1 January 1970, was a Thursday. */
const lastSunday = (day: number) => day - (day + 4) % 7

function serveStyles (app: FastifyInstance, below: string): void {
  for (const style of STYLES) app.get(`${below}/${style}`, (_request, reply) => reply.sendFile(style, { maxAge: '1d' }))
}

const fresh = (reply: FastifyReply) => reply.header('cache-control', 'no-store')

/** Parses `from` and `to`, inclusive dates in UTC. Defaults to the last 365 days. @throws RequestError 400 */
function rangeOf ({ from, to }: Asked['Querystring'], today: number): Range {
  const read = (name: string, date: string) => {
    const day = dayOfDate(date)
    if (day === undefined) throw new RequestError(400, `${name} must be a date such as 2026-11-23`)
    return day
  }
  const last = to ? read('to', to) : today
  const range = { from: from ? read('from', from) : last - DAYS + 1, to: last }
  if (range.from > range.to) throw new RequestError(400, 'from must not be after to')
  return range
}
