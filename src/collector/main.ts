/** Starts the collector with settings from the environment, and sets exit codes. */
import { listen } from '../process/listen.js'
import { closeOnStop } from '../process/stop.js'
import { buildCollector } from './app.js'
import { explainFailure } from './explain-failure.js'
import { describeUsage } from './help.js'
import { readSettings } from './settings.js'

/** EX_USAGE of sysexits.h. Supervisors should not restart after it. */
const BAD_USAGE = 64

// The collector counts in UTC. With a local time zone, node-cron would confuse the hour that a clock change repeats
// with the hour before, and reschedule a job that is due in it every millisecond until the hour is over.
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
    await app.close()
  })
  await listen(app, settings)
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const { reason, exitCode } = explainFailure(error)
  console.error(`the collector did not start: ${reason}`)
  process.exit(exitCode)
})
