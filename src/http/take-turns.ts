import type { onRequestHookHandler } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether requests of this route start one at a time, one in each turn of the event loop. */
    takesTurns?: boolean
  }
}

/**
 * Makes a hook that lets other requests run between those of routes that take turns: a crowd of them, which arrives at
 * once, delays each step of another request by one of them instead of all.
 */
export function takeTurns (): onRequestHookHandler {
  const waiting: Array<() => void> = []
  const startNext = () => {
    const start = waiting.shift()!
    if (waiting.length > 0) setImmediate(startNext)
    start()
  }
  return (request, _reply, done) => {
    if (!request.routeOptions.config.takesTurns) return done()
    waiting.push(done)
    if (waiting.length === 1) setImmediate(startNext)
  }
}
