// One start of a small platform, as it is built for production, with telemetry or without; prints its figures as JSON.
// Started by bench/startup.ts, with --expose-gc.
import fastify from 'fastify'
import config, { loadConfig } from '../dist/config/index.js'
import db from '../dist/db/index.js'
import settings from '../dist/settings/index.js'

const [file, how] = process.argv.slice(2)
const app = fastify()
await app.register(config, { config: loadConfig(file) })
await app.register(db)
await app.register(settings)
const before = performance.now()
if (how !== 'absent') await app.register((await import('../dist/telemetry/index.js')).default)
await app.listen({ port: 0, host: '127.0.0.1' })
const ready = performance.now()
if (how === 'sent') await app.telemetry.send()
// Twice, as the first collection releases objects for the second.
for (let round = 0; round < 2; round++) {
  await new Promise((resolve) => { setTimeout(resolve, 200) })
  globalThis.gc()
}
console.log(JSON.stringify({ ready, added: ready - before, memory: process.memoryUsage().rss / 2 ** 20 }))
await app.close()
