/** The process of the platform: reads the configuration, listens, and stops cleanly when it is told to. */
import { parseArgs } from 'node:util'
import { buildApp, ConfigError, loadConfig } from './app.js'

/** sysexits.h: the configuration is wrong, and starting again will not help. */
const EX_CONFIG = 78

try {
  const { values } = parseArgs({ options: { config: { type: 'string' } } })
  const config = loadConfig(values.config)
  const app = await buildApp(config)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => { app.close().then(() => process.exit(0)) })
  }
  await app.listen({ host: config.host, port: config.port })
} catch (error) {
  if (!(error instanceof ConfigError)) throw error
  console.error(error.message)
  process.exit(EX_CONFIG)
}
