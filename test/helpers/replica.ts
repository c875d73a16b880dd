import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Agent, fetch, type Response } from 'undici'
import { stringify } from 'yaml'
import type { DatabaseAddress } from '../../src/database/open.js'
import { setUp } from './client.js'
import { buildPlatform, temporaryDirectory } from './platform.js'
import { startProcess, type PlatformProcess } from './process.js'

/** A finished installation that replicas share: its database, and the session of its administrator. */
export interface Installation {
  db: DatabaseAddress
  cookie: string
}

/** The requests of the administrator to a replica. */
export interface Requests {
  /** Sends a request with the administrator's session; resolves when the head of the answer has arrived. */
  request: (method: string, path: string, body?: object | URLSearchParams) => Promise<Response>
  /** Turns telemetry on or off by the API; resolves to the status. */
  decide: (enabled: boolean) => Promise<number>
}

/** A process of the platform, and its administrator's requests to it. */
export interface Replica extends PlatformProcess, Requests {
  home: string
}

export async function install (t: TestContext, db: DatabaseAddress): Promise<Installation> {
  const { app } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:9' }, config: { db }, initialised: false })
  const { cookies } = await setUp(app)
  await app.close()
  return { db, cookie: Object.entries(cookies).map(([name, value]) => `${name}=${value}`).join('; ') }
}

/** Makes a `$FLOWFORGE_HOME` of an installation that sends to `url`. */
export function createHome (t: TestContext, { db }: Installation, url: string): string {
  const home = temporaryDirectory(t)
  const config = { port: 0, host: '127.0.0.1', logging: { level: 'debug' }, db, telemetry: { url } }
  writeFileSync(join(home, 'flowforge.yml'), stringify(config))
  return home
}

export async function startReplica (
  t: TestContext, installation: Installation, home: string, env: Record<string, string> = {}
): Promise<Replica> {
  const started = await startProcess(t, home, env)
  return { ...started, home, ...requestsTo(started.url, installation) }
}

/** A replica in the process of the test, for the others to meet. */
export async function hostReplica (t: TestContext, installation: Installation, url: string): Promise<Requests> {
  const { app } = await buildPlatform(t, { telemetry: { url }, config: { db: installation.db } })
  return requestsTo(await app.listen({ host: '127.0.0.1', port: 0 }), installation)
}

function requestsTo (base: string, { cookie }: Installation): Requests {
  // The undici inside of Node.js 22.12 breaks on a mocked clock, also as the default dispatcher of this one.
  const dispatcher = new Agent()
  const request: Requests['request'] = (method, path, body) => fetch(base + path, {
    dispatcher,
    method,
    redirect: 'manual',
    headers: { cookie, ...body && !(body instanceof URLSearchParams) && { 'content-type': 'application/json' } },
    ...body && { body: body instanceof URLSearchParams ? body : JSON.stringify(body) }
  })
  return {
    request,
    async decide (enabled) {
      const response = await request('PUT', '/api/v1/settings', { 'telemetry:enabled': enabled })
      await response.arrayBuffer()
      return response.status
    }
  }
}
