import type { FastifyInstance, InjectOptions } from 'fastify'
import type { TestContext } from 'node:test'
import { buildPlatform, type PlatformOptions } from './platform.js'

export const ACCOUNT = { name: 'Ada', username: 'ada', email: 'ada@example.com', password: 'correct horse' }

/** A platform before its setup, on an empty database. Nothing listens at its `telemetry.url`. */
export async function buildNewPlatform (t: TestContext, options: Partial<PlatformOptions> = {}): Promise<FastifyInstance> {
  const { app } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:9' }, initialised: false, ...options })
  return app
}

/** A client of the platform that keeps cookies, as a browser does. */
export class Client {
  readonly cookies: Record<string, string> = {}

  constructor (readonly app: FastifyInstance) {}

  async request (options: InjectOptions) {
    const response = await this.app.inject({ ...options, cookies: { ...this.cookies } })
    for (const { name, value } of response.cookies) this.cookies[name] = value
    return response
  }

  get (url: string) {
    return this.request({ url, headers: { accept: 'text/html' } })
  }

  /** Posts JSON, as a program does: a request without a body would need a token. */
  post (url: string, payload: object = {}) {
    return this.request({ method: 'POST', url, payload })
  }

  postForm (url: string, fields: Record<string, string>) {
    return this.request({
      method: 'POST',
      url,
      headers: { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams(fields).toString()
    })
  }

  /** The CSRF token in the forms of a page. */
  async csrfToken (url = '/setup'): Promise<string> {
    const { body } = await this.get(url)
    return /name="_csrf" value="([^"]+)"/.exec(body)?.[1] ?? ''
  }
}

/** Finishes the setup; returns a client that is signed in as the new administrator. */
export async function setUp (app: FastifyInstance, telemetry = true): Promise<Client> {
  const client = new Client(app)
  const _csrf = await client.csrfToken()
  await client.post('/setup/create-user', { ...ACCOUNT, _csrf })
  await client.post('/setup/settings', { telemetry, _csrf })
  await client.post('/setup/finish', { _csrf })
  return client
}
