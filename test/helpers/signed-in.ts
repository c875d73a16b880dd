import { ACCOUNT } from './client.js'

/** The administrator of a listening platform, as a program that keeps cookies. */
export class SignedIn {
  private readonly cookies: Record<string, string> = {}

  private constructor (private readonly url: string) {}

  /** Finishes the setup of a new platform. */
  static async setUp (url: string): Promise<SignedIn> {
    const client = new SignedIn(url)
    const page = await (await client.fetch('/setup')).text()
    const _csrf = /name="_csrf" value="([^"]+)"/.exec(page)![1]!
    await client.post('/setup/create-user', { ...ACCOUNT, _csrf })
    await client.post('/setup/settings', { telemetry: true, _csrf })
    await client.post('/setup/finish', { _csrf })
    return client
  }

  get cookie (): string {
    return Object.entries(this.cookies).map(([name, value]) => `${name}=${value}`).join('; ')
  }

  private post (path: string, body: object) {
    return this.fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  }

  private async fetch (path: string, options: RequestInit = {}): Promise<Response> {
    const headers = { ...options.headers as object, cookie: this.cookie }
    const response = await fetch(this.url + path, { ...options, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!
      this.cookies[name!] = value!
    }
    return response
  }
}
