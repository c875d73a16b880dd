/** One platform of bench/host.ts in a separate process, and the load on it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createHistogram } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import timers from 'node:timers/promises'
import autocannon from 'autocannon'
import type { Installation } from './platform.js'

export const SECONDS = 2
export const CONNECTIONS = 10
const PAGE = '/account/login'

export type LoadedPlatform = Awaited<ReturnType<typeof startLoadedPlatform>>

/**
 * Starts a platform. It is suspended except while it is measured or idles: six running at once would disturb each other.
 *
 * @param every milliseconds between pings; if absent, only scheduled pings are sent
 */
export async function startLoadedPlatform ({ home, file }: Installation, every?: number) {
  const child = spawn(process.execPath, ['bench/host-platform.js', file, ...(every ? [String(every)] : [])], {
    env: { ...process.env, FLOWFORGE_HOME: home }, stdio: ['ignore', 'pipe', 'inherit']
  })
  const lines = createInterface(child.stdout)
  const { url } = JSON.parse((await once(lines, 'line'))[0])
  child.kill('SIGSTOP')
  return {
    async measure () {
      child.kill('SIGCONT')
      const load = await loadPage(url)
      child.kill('SIGSTOP')
      return load
    },
    async rest (milliseconds: number) {
      child.kill('SIGCONT')
      await timers.setTimeout(milliseconds)
    },
    async stop (): Promise<{ memory: number, busy: number, pings: number }> {
      child.kill('SIGCONT')
      const last = once(lines, 'line')
      child.kill('SIGTERM')
      const totals = JSON.parse((await last)[0])
      await once(child, 'exit')
      return totals
    }
  }
}

async function loadPage (url: string): Promise<{ perSecond: number, p50: number, p99: number }> {
  const latency = createHistogram()
  const load = autocannon({ url: url + PAGE, connections: CONNECTIONS, duration: SECONDS }, () => {})
  load.on('response', (_client, _status, _bytes, milliseconds) => latency.record(Math.max(1, Math.round(milliseconds * 1000))))
  const [{ requests }] = await once(load, 'done') as [autocannon.Result]
  return { perSecond: requests.average, p50: latency.percentile(50) / 1000, p99: latency.percentile(99) / 1000 }
}
