import csrf from '@fastify/csrf-protection'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { mediaTypeOf } from './media-type.js'
import { RequestProblem } from './request-problem.js'

declare module 'fastify' {
  interface FastifyReply {
    /** Creates a token for the forms of a page, bound to the browser's session. */
    csrfToken: () => string
    /** Discards the browser's secret, which invalidates all tokens made from it. */
    renewCsrf: () => void
  }
}

/** The cookie of a signed-in browser. */
export const SESSION_COOKIE = 'sid'

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS', 'TRACE']
const SECRET_COOKIE = '_csrf'

/**
 * Refuses a request that changes something if another site may have made the browser send it. Checks the origin of
 * every such request, and the token of those that browsers send without a preflight.
 */
export async function refuseForgeries (app: FastifyInstance): Promise<void> {
  const cookieOpts = { path: '/', httpOnly: true, sameSite: 'lax', secure: app.isSecure } as const
  await app.register(csrf, {
    cookieKey: SECRET_COOKIE,
    cookieOpts,
    getToken,
    getUserInfo: boundTo,
    // The key may be fixed: a token cannot be forged without the session cookie, which no other site knows.
    csrfOpts: { hmacKey: 'csrf' },
    logLevel: 'debug'
  })
  app.decorateReply('csrfToken', function (this: FastifyReply) {
    return this.generateCsrf({ userInfo: boundTo(this.request) })
  })
  app.decorateReply('renewCsrf', function (this: FastifyReply) {
    if (app.settings.get('setup:initialised')) this.clearCookie(SECRET_COOKIE, cookieOpts)
  })
  app.addHook('onRequest', refuseOtherOrigins)
  app.addHook('preValidation', (request, reply, done) => {
    if (isSafe(request) || request.is404 || needsPreflight(request)) return done()
    app.csrfProtection(request, reply, done)
  })
}

/**
 * Returns the session that a token is bound to, so that a secret planted by another host of the domain is useless.
 * During the setup tokens are not bound, because automation may drop the session cookie and keep its first token.
 */
function boundTo (request: FastifyRequest): string {
  if (!request.server.settings.get('setup:initialised')) return 'setup'
  return request.cookies[SESSION_COOKIE] || 'anonymous'
}

function getToken ({ body, headers }: FastifyRequest): string {
  return ((body as Record<string, unknown> | null | undefined)?._csrf ?? headers['csrf-token']) as string
}

const isSafe = ({ method }: FastifyRequest) => SAFE_METHODS.includes(method)

/** Checks whether a browser sends a preflight before it sends this from another site. The platform allows none. */
const needsPreflight = (request: FastifyRequest) => mediaTypeOf(request) === 'application/json'

/**
 * Refuses requests from other origins, as Go's `http.CrossOriginProtection` does: by `Sec-Fetch-Site`, which browsers
 * send over https and to localhost; else by `Origin`. A request with neither comes from a program, and passes.
 *
 * @throws RequestProblem 403
 */
async function refuseOtherOrigins (request: FastifyRequest): Promise<void> {
  const { 'sec-fetch-site': site, origin } = request.headers
  if (isSafe(request)) return
  const isOwn = site === undefined
    ? origin === undefined || isOwnOrigin(origin, request)
    : ['same-origin', 'none'].includes(site as string)
  if (isOwn) return
  throw new RequestProblem(403, 'other_site', 'This request came from another site and was refused.')
}

/** Checks whether an origin is this platform, by base_url or by the host that the request names. */
function isOwnOrigin (origin: string, { server, host }: FastifyRequest): boolean {
  if (!/^https?:/i.test(origin) || !URL.canParse(origin)) return false
  const { base_url: baseUrl } = server.config
  const [source, base] = [new URL(origin), baseUrl === undefined ? undefined : new URL(baseUrl)]
  // If base_url is https, a page of the same host on plain http is another site.
  if (base && source.host === base.host) return source.origin === base.origin
  // Parsed with the scheme of the origin, because a proxy may add the default port. HTTP/1.0 may have no host.
  const target = `${source.protocol}//${host}`
  return URL.canParse(target) && source.host === new URL(target).host
}
