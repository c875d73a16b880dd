// A whole platform under load, as it is built for production; with a number, it sends a ping every so many
// milliseconds. Started by bench/loaded-platform.ts; prints its address, and when it is told to stop its memory (MiB),
// the active time of its event loop (ms), and the number of pings sent.
import { performance } from 'node:perf_hooks'
import { buildApp, loadConfig } from '../dist/app.js'

const [file, every] = process.argv.slice(2)
const app = await buildApp(loadConfig(file), { level: 'error' })
const start = performance.eventLoopUtilization()
// A ping in flight, to a collector that never answers, does not delay the next.
let pings = 0
const sending = every && setInterval(() => { pings++; app.telemetry.send().catch(() => {}) }, Number(every))
process.on('SIGTERM', async () => {
  const memory = process.memoryUsage().rss / 2 ** 20
  const busy = performance.eventLoopUtilization(start).active
  console.log(JSON.stringify({ memory, busy, pings }))
  clearInterval(sending)
  await app.close()
  process.exit(0)
})
console.log(JSON.stringify({ url: await app.listen({ port: 0, host: '127.0.0.1' }) }))
