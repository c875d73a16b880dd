/** The process of the collector: `flowforge-collector`. */
import { stopOnSignals } from '../process/stop.js'

stopOnSignals()
await import('./main.js')
