// A whole platform under load, as it is built for production; with a number, it sends a ping every so many
// milliseconds. Started by bench/host.ts; prints its address, and its memory when it is told to stop.
import { buildApp, loadConfig } from '../dist/app.js'

const [file, every] = process.argv.slice(2)
const app = await buildApp(loadConfig(file), { level: 'error' })
// A ping that is still underway, to a collector that never answers, does not hold up the next.
const pings = every && setInterval(() => { app.telemetry.send().catch(() => {}) }, Number(every))
process.on('SIGTERM', async () => {
  console.log(JSON.stringify({ memory: process.memoryUsage().rss / 2 ** 20 }))
  clearInterval(pings)
  await app.close()
  process.exit(0)
})
console.log(JSON.stringify({ url: await app.listen({ port: 0, host: '127.0.0.1' }) }))
