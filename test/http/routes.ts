import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, RouteOptions } from 'fastify'
import type { TestContext } from 'node:test'

/** Collects every route that platforms register from now on, as reported by Fastify. */
export function collectRoutes (t: TestContext): RouteOptions[] {
  const routes: RouteOptions[] = []
  const listen = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance }
    fastify.addHook('onRoute', (route) => { routes.push(route) })
  }
  subscribe('fastify.initialization', listen)
  t.after(() => { unsubscribe('fastify.initialization', listen) })
  return routes
}
