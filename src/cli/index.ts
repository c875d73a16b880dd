/** The command line: `flowforge`. */
import { endWith, stopOnSignals } from '../process/stop.js'

const args = process.argv.slice(2)
if (args.includes('start')) stopOnSignals()
const { runCommandLine } = await import('./command-line.js')
endWith(await runCommandLine(args))
