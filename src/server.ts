/** The process of the platform: reads the configuration, listens, and stops cleanly when it is told to. */
import { parseArgs } from 'node:util'
import type { FastifyInstance } from 'fastify'
import { buildApp, ConfigError, loadConfig } from './app.js'

/** sysexits.h: the configuration is wrong, and starting again will not help. */
const EX_CONFIG = 78

/** What is not finished by then is cut off: whoever stops the platform is not kept waiting for 5 seconds. */
const STOP_MS = 4_000

let app: FastifyInstance | undefined

async function start (): Promise<void> {
  const { values } = parseArgs({ options: { config: { type: 'string' } } })
  const config = loadConfig(values.config)
  app = await buildApp(config)
  await app.listen({ host: config.host, port: config.port })
}

async function stop (): Promise<void> {
  setTimeout(() => { process.exit(0) }, STOP_MS)
  await app?.close()
  process.exit(0)
}

process.once('SIGTERM', stop)
process.once('SIGINT', stop)
start().catch((error: Error) => {
  console.error(error instanceof ConfigError ? error.message : error)
  process.exit(error instanceof ConfigError ? EX_CONFIG : 1)
})
