/** What the process of the collector does: settings from the environment, exit codes. */
import { listen } from '../process/listen.js'
import { closeOnStop } from '../process/stop.js'
import { buildCollector } from './app.js'
import { explainFailure } from './explain-failure.js'
import { describeUsage } from './help.js'
import { readSettings } from './settings.js'

/** EX_USAGE of sysexits.h: starting again will not help. */
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
  closeOnStop(async () => {
    app.log.info('stopping: taking no more pings, committing what is here')
    // A sender that is still sending after two seconds has not been promised anything yet.
    setTimeout(() => app.server.closeAllConnections(), 2000).unref()
    await app.close()
  })
  await listen(app, settings)
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const { reason, exitCode } = explainFailure(error)
  console.error(`the collector did not start: ${reason}`)
  process.exit(exitCode)
})
