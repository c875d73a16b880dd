import type { FastifyInstance } from 'fastify'

/** How long a stop waits for requests in flight. */
const CLOSE_MS = 2_000

/**
 * Makes a server close all its connections two seconds after it begins to stop. Browsers open connections ahead of
 * time, which never count as idle; without this a stop would wait for them.
 */
export function endConnections (app: FastifyInstance): void {
  app.addHook('preClose', async () => { setTimeout(() => { app.server.closeAllConnections() }, CLOSE_MS).unref() })
}
