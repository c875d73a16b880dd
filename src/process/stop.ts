/** What is not finished by then is cut off: whoever stops a process is not kept waiting for 5 seconds. */
const STOP_MS = 3_500

/** After a failure nothing should be left to do; if something is, the process ends without it. */
const LINGER_MS = 1_000

const closing: (() => Promise<unknown>)[] = []
let isStopping = false

/**
 * Ends the process with 0 on SIGTERM and SIGINT, whatever it is doing: starting, serving or hanging. Called before anything
 * else is loaded; a second signal changes nothing.
 */
export function stopOnSignals (): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop)
}

/** Has a stop close something first, as far as there is time. */
export function closeOnStop (close: () => Promise<unknown>): void {
  closing.push(close)
}

async function stop (): Promise<void> {
  if (isStopping) return
  isStopping = true
  setTimeout(() => { process.exit(0) }, STOP_MS)
  await Promise.allSettled(closing.map((close) => close()))
  process.exit(0)
}

/** Ends the process with this exit code once nothing is left to do; after a failure, soon in any case. */
export function endWith (exitCode: number): void {
  process.exitCode = exitCode
  if (exitCode !== 0) setTimeout(() => { process.exit() }, LINGER_MS).unref()
}
