import helmet from '@fastify/helmet'
import fastifyStatic from '@fastify/static'
import fastifyView from '@fastify/view'
import { Eta } from 'eta'
import type { FastifyInstance } from 'fastify'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { answerFault } from '../http/errors.js'
import { connect } from '../storage/database.js'
import { activityCounter, type ActiveDay } from './activity.js'
import { drawActivity, drawBuckets, percent } from './charts.js'
import { countDistributions, type Distributions } from './distributions.js'
import { carriesToken } from './token.js'

/** What the FlowForge team learns. `/report.json` is exactly this. */
export interface Report {
  /** ISO 8601, UTC. */
  countedAt: string
  activity: ActiveDay[]
  distributions: Distributions
}

interface Options {
  databaseUrl: string
  token?: string
  now: () => number
}

const pico = dirname(fileURLToPath(import.meta.resolve('@picocss/pico/css/pico.min.css')))

const contentSecurityPolicy = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"]
  }
}

/** The usage report: a page and the same as JSON, for whoever has the token. */
export async function report (app: FastifyInstance, { databaseUrl, token, now }: Options): Promise<void> {
  app.addHook('onRequest', async (request, reply) => {
    if (!token) return answerFault(reply, { status: 404, message: 'the report is off: COLLECTOR_REPORT_TOKEN is not set' })
    if (carriesToken(request.headers.authorization, token)) return
    reply.header('www-authenticate', 'Basic realm="FlowForge usage report (password: the report token)", charset="UTF-8"')
    return answerFault(reply, { status: 401, message: 'the report needs its token, as a bearer token or as the password' })
  })
  await app.register(helmet, { contentSecurityPolicy })
  await app.register(fastifyStatic, { root: [pico, import.meta.dirname], serve: false })
  await app.register(fastifyView, { engine: { eta: new Eta({ cache: true }) }, root: import.meta.dirname })

  let counter: Promise<Counter> | undefined
  const count = async () => {
    // A database that is away when the report is first asked for is tried again the next time.
    counter ??= openCounter(databaseUrl).catch((error) => {
      counter = undefined
      throw error
    })
    return (await counter).count(now())
  }
  app.addHook('onClose', async () => (await counter?.catch(() => undefined))?.close())
  // The first reader does not wait for a whole year to be counted.
  app.addHook('onReady', async () => {
    if (token) count().catch((error) => app.log.warn({ err: error }, 'the report cannot be counted yet'))
  })
  app.get('/report.json', async (_request, reply) => reply.header('cache-control', 'no-store').send(await count()))
  app.get('/report', async (_request, reply) => {
    const counted = await count()
    return reply.header('cache-control', 'no-store').view('report.eta', { ...counted, drawActivity, drawBuckets, percent })
  })
  for (const style of ['pico.min.css', 'report.css']) {
    app.get(`/report/${style}`, (_request, reply) => reply.sendFile(style, { maxAge: '1d' }))
  }
}

interface Counter {
  count: (now: number) => Promise<Report>
  close: () => Promise<void>
}

/** Counts on a connection of its own, so that no ping waits behind it. Those who ask at the same time share the answer. */
async function openCounter (databaseUrl: string): Promise<Counter> {
  const db = await connect(databaseUrl)
  const countActivity = activityCounter(db)
  let counting: Promise<Report> | undefined

  async function countAll (now: number): Promise<Report> {
    const [activity, distributions] = await Promise.all([countActivity(now), countDistributions(db, now)])
    return { countedAt: new Date(now).toISOString(), activity, distributions }
  }
  return {
    count: (now) => (counting ??= countAll(now).finally(() => { counting = undefined })),
    async close () {
      await counting?.catch(() => {})
      await db.close()
    }
  }
}
