/** The collector as a process of its own: settings from the environment, signals, exit codes. */
import { describeError } from '../database/serialize-error.js'
import { buildCollector } from './app.js'
import { describeUsage } from './help.js'
import { InvalidSettingsError, readSettings } from './settings.js'

/** EX_CONFIG and EX_USAGE of sysexits.h: starting again will not help. */
const BAD_SETTINGS = 78
const BAD_USAGE = 64

// The collector counts in UTC. node-cron would take the local time of the hour that a clock change repeats for the hour
// before, and arm a job that is due in it anew every millisecond until the hour is over.
process.env.TZ = 'UTC'

async function main (args: string[]): Promise<void> {
  if (args.length === 0) return await start()
  if (args.length === 1 && ['--help', '-h'].includes(args[0]!)) return console.log(describeUsage())
  console.error('flowforge-collector takes no argument but --help; its settings come from the environment')
  process.exit(BAD_USAGE)
}

async function start (): Promise<void> {
  const settings = readSettings(process.env)
  const app = await buildCollector(settings)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop(app, signal))
  await app.listen({ host: settings.host, port: settings.port })
}

async function stop (app: Awaited<ReturnType<typeof buildCollector>>, signal: string): Promise<void> {
  app.log.info(`${signal}: taking no more pings, committing what is here`)
  // A sender that is still sending after three seconds has not been promised anything yet.
  setTimeout(() => app.server.closeAllConnections(), 3000).unref()
  // Nor does the end wait for a long report: what was acknowledged is committed.
  setTimeout(() => process.exit(0), 4500).unref()
  await app.close()
  process.exit(0)
}

main(process.argv.slice(2)).catch((error: NodeJS.ErrnoException) => {
  const known = error instanceof InvalidSettingsError
  console.error(`the collector did not start: ${describeError(error)}`)
  process.exit(known ? BAD_SETTINGS : 1)
})
