import { buildApp } from '../app.js'
import { listen } from '../process/listen.js'
import { closeOnStop } from '../process/stop.js'
import { EXIT, type ExitCode } from './exit-codes.js'
import { greet, terminalLogger } from './greeting.js'
import type { CommandOptions } from './options.js'
import { withConfig } from './with-config.js'

/** Reads the configuration and starts the platform, which runs until a signal stops it. */
export async function start (options: CommandOptions): Promise<ExitCode> {
  return withConfig(options, async (config) => {
    const app = await buildApp(config, process.stdout.isTTY ? terminalLogger(config.logging.level) : undefined)
    closeOnStop(() => app.close())
    try {
      await listen(app, config)
      if (process.stdout.isTTY) console.log(await greet(app))
      return EXIT.done
    } catch (error) {
      await app.close()
      throw error
    }
  })
}
