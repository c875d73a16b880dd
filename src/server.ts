/** The process of the platform: `flowforge start`. */
import { runCommandLine } from './cli/command-line.js'

process.exitCode = await runCommandLine(['start', ...process.argv.slice(2)])
