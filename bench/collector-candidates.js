// One of the three intakes that bench/collector.ts compares, as built for production:
// `node bench/collector-candidates.js NAME DATABASE_URL REPORT_TOKEN`. Prints its address when it listens.
import Fastify from 'fastify'
import pg from 'pg'
import { buildCollector } from '../dist/collector/app.js'
import { pingBody } from '../dist/collector/http/ping-body.js'

const [name, databaseUrl, reportToken] = process.argv.slice(2)
const ajv = { customOptions: { coerceTypes: false, removeAdditional: false } }

/** The ceiling: the same body parsed and validated by the same schema, and nothing done with it. */
async function bareRoute () {
  const app = Fastify({ ajv })
  app.post('/', { schema: { body: pingBody } }, async () => ({ status: 'success' }))
  return app
}

async function collector () {
  const app = await buildCollector({
    // The limiter runs, and is never reached: all load comes from one address.
    ipHashKey: 'a key of the benchmark, long enough', databaseUrl, reportToken, logLevel: 'warn', rateLimit: 1e9
  })
  // What is due at the start is done before anything is measured.
  await app.maintain()
  return app
}

/** The intake as it is often first written: each ping opens a connection, inserts its row and closes it. */
async function connectionPerPing () {
  const app = Fastify({ ajv })
  app.post('/', { schema: { body: pingBody } }, async (request) => {
    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    await client.query('INSERT INTO one_by_one (ping) VALUES ($1)', [JSON.stringify(request.body)])
    await client.end()
    return { status: 'success' }
  })
  return app
}

const app = await { bareRoute, collector, connectionPerPing }[name]()
console.log(await app.listen({ host: '127.0.0.1', port: 0 }))
process.once('SIGTERM', () => app.close().then(() => process.exit(0)))
