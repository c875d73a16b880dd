import type { FastifyInstance } from 'fastify'
import { buildApp } from '../app.js'
import { EXIT, type ExitCode } from './exit-codes.js'
import { greet, terminalLogger } from './greeting.js'
import type { CommandOptions } from './options.js'
import { withConfig } from './with-config.js'

/** What is not finished by then is cut off: whoever stops the platform is not kept waiting for 5 seconds. */
const STOP_MS = 4_000

/** Starts the platform: reads the configuration, listens, and stops cleanly when it is told to. */
export async function start (options: CommandOptions): Promise<ExitCode> {
  let app: FastifyInstance | undefined
  const stop = async () => {
    setTimeout(() => { process.exit(EXIT.done) }, STOP_MS)
    await app?.close()
    process.exit(EXIT.done)
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  return withConfig(options, async (config) => {
    try {
      app = await buildApp(config, process.stdout.isTTY ? terminalLogger(config.logging.level) : undefined)
      await app.listen({ host: config.host, port: config.port })
      if (process.stdout.isTTY) console.log(await greet(app))
      return EXIT.done
    } catch (error) {
      await app?.close()
      throw error
    }
  })
}
