// Loads one plugin into a host that has loaded fastify, sequelize and fastify-plugin already, and prints the processor
// time in milliseconds that this took until the host was ready. Started by bench/startup.ts.
import fastify from 'fastify'
import fp from 'fastify-plugin'
import 'sequelize'

const [which] = process.argv.slice(2)
const app = fastify()
app.decorate('config', { version: '1.0.0', driver: { type: 'stub' }, telemetry: { enabled: false } })
const before = process.cpuUsage()
await app.register(which === 'empty' ? fp(async () => {}) : (await import('../dist/telemetry/index.js')).default)
await app.ready()
const { user, system } = process.cpuUsage(before)
console.log((user + system) / 1000)
