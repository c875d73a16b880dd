/** Compiled but not run: the same from a CommonJS module. */
import { fastify } from 'fastify'
import telemetry = require('flowforge/telemetry')

const app = fastify()
app.register(telemetry).after(() => {
  const url: string | null = app.telemetry.url
  console.log(url)
})
