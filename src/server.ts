/** The process of the platform: `flowforge start`. */
import { endWith, stopOnSignals } from './process/stop.js'

stopOnSignals()
const { runCommandLine } = await import('./cli/command-line.js')
endWith(await runCommandLine(['start', ...process.argv.slice(2)]))
