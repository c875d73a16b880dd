import csrf from '@fastify/csrf-protection'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { mediaTypeOf } from './media-type.js'
import { RequestProblem } from './request-problem.js'
import { cameByHttps, isSecure } from './scheme.js'

declare module 'fastify' {
  interface FastifyReply {
    /** Makes a token for the forms of a page, bound to the session of the browser that gets it. */
    csrfToken: () => string
    /** Discards the browser's secret: each token made from it is worthless from now on. */
    renewCsrf: () => void
  }
}

/** The cookie of a signed-in browser. */
export const SESSION_COOKIE = 'sid'

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS', 'TRACE']
const SECRET_COOKIE = '_csrf'

/**
 * Refuses a request that changes something if another site may have made a browser send it: by its origin, and where a
 * browser sends it without asking the platform first, also without a valid token.
 */
export async function refuseForgeries (app: FastifyInstance): Promise<void> {
  const cookieOpts = { path: '/', httpOnly: true, sameSite: 'lax' } as const
  await app.register(csrf, {
    cookieKey: SECRET_COOKIE,
    cookieOpts,
    getToken,
    getUserInfo: boundTo,
    // A fixed key: what makes a token unforgeable is the session cookie that goes into it, which no other site knows.
    csrfOpts: { hmacKey: 'csrf' },
    logLevel: 'debug'
  })
  app.decorateReply('csrfToken', function (this: FastifyReply) {
    return this.generateCsrf({ userInfo: boundTo(this.request), secure: isSecure(this.request) })
  })
  app.decorateReply('renewCsrf', function (this: FastifyReply) {
    if (!app.settings.get('setup:initialised')) return
    this.clearCookie(SECRET_COOKIE, { ...cookieOpts, secure: isSecure(this.request) })
  })
  app.addHook('onRequest', refuseOtherOrigins)
  app.addHook('preValidation', (request, reply, done) => {
    if (isSafe(request) || request.is404 || needsPreflight(request)) return done()
    app.csrfProtection(request, reply, done)
  })
}

/**
 * What a token is bound to. A cookie that another host of the domain has planted is of no use then. During the setup
 * it is nothing: automation may drop the session cookie and use its first token to the end.
 */
function boundTo (request: FastifyRequest): string {
  if (!request.server.settings.get('setup:initialised')) return 'setup'
  return request.cookies[SESSION_COOKIE] || 'anonymous'
}

function getToken ({ body, headers }: FastifyRequest): string {
  return ((body as Record<string, unknown> | null | undefined)?._csrf ?? headers['csrf-token']) as string
}

const isSafe = ({ method }: FastifyRequest) => SAFE_METHODS.includes(method)

/** Whether a browser asks the platform before it sends this from another site; the platform never agrees. */
const needsPreflight = (request: FastifyRequest) => mediaTypeOf(request) === 'application/json'

/**
 * Compares where the request comes from with where it goes, as Go's `http.CrossOriginProtection` does: by
 * `Sec-Fetch-Site`, which browsers send over https and to localhost; else by `Origin`. A program sends neither.
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

/**
 * Whether an origin is this platform: as base_url names it, or as the request itself does. Where people reach the
 * platform by https, a page of the same host on plain http is another site.
 */
function isOwnOrigin (origin: string, request: FastifyRequest): boolean {
  if (!/^https?:/i.test(origin) || !URL.canParse(origin)) return false
  const { base_url: baseUrl } = request.server.config
  const [source, base] = [new URL(origin), baseUrl === undefined ? undefined : new URL(baseUrl)]
  const isPlain = source.protocol === 'http:'
  if (isPlain && (cameByHttps(request) || (source.host === base?.host && base.protocol === 'https:'))) return false
  if (source.origin === base?.origin) return true
  // Read with the scheme of the origin, so that a proxy may name the default port. HTTP/1.0 may name no host.
  const target = `${source.protocol}//${request.host}`
  return URL.canParse(target) && source.host === new URL(target).host
}
