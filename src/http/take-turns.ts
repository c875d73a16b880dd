import type { onRequestHookHandler } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether requests of this route start one per turn of the event loop. */
    takesTurns?: boolean
  }
}

/**
 * Returns a hook that starts the requests of routes with `takesTurns` one per turn of the event loop. So a crowd of
 * them that arrives at once delays each step of any other request by one of them, not by all.
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
