/** How long a stop may take; after that the process exits. Supervisors expect a stop within 5 seconds. */
const STOP_MS = 3_500

/** How long a process may keep running after a failure, if something prevents it from ending. */
const LINGER_MS = 1_000

const closing: (() => Promise<unknown>)[] = []
let isStopping = false

/**
 * Ends the process with 0 on SIGTERM and SIGINT, even while it is starting or hanging. Call it before anything else is
 * loaded. A second signal changes nothing.
 */
export function stopOnSignals (): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop)
}

/** Registers something that a stop closes first, if there is time. */
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

/** Sets the exit code, with which the process ends once nothing is left to do; after a failure, within a second. */
export function endWith (exitCode: number): void {
  process.exitCode = exitCode
  if (exitCode !== 0) setTimeout(() => { process.exit() }, LINGER_MS).unref()
}
