/** Starts the production build of an intake in a separate process, so that it shares no event loop with the load. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** Of the report. */
export const TOKEN = 'the-token-of-the-benchmark'

/** @returns the process, once its maintenance is done and it listens, and its address */
export async function startCandidate (name: string, databaseUrl: string): Promise<{ child: ChildProcess, url: string }> {
  const child = spawn(process.execPath, ['bench/collector-candidates.js', name, databaseUrl, TOKEN], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const [url] = await once(createInterface(child.stdout), 'line') as [string]
  return { child, url }
}

export async function stopCandidate (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}
