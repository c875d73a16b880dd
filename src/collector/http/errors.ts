/** The answers to failed requests. They never repeat an address, a body or a message of the database. */
import type {
  FastifyBaseLogger, FastifyError, FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods
} from 'fastify'
import { codeOf } from '../storage/database.js'
import { isFaultOfPing } from '../storage/pings.js'

export interface Fault {
  status: number
  message: string
}

const KNOWN: Record<string, string> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'a ping has at most 64 KiB',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'a ping is sent as application/json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'the body is empty; a ping is a JSON object',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'the body does not have the length that its header says',
  FST_ERR_CTP_INVALID_JSON_BODY: 'the body is not valid JSON, or has a property that is refused, such as __proto__'
}

const AWAY: Fault = { status: 503, message: 'the collector cannot store pings at the moment; try again later' }

/** A refused request, with the status and the message of the answer. */
export class RequestError extends Error {
  override name = 'RequestError'
  readonly code = 'request_refused'
  constructor (readonly statusCode: number, message: string) { super(message) }
}

/** Builds the error of a request that its schema refuses, from the validator's first complaint. */
export function invalidRequest (found: { instancePath: string, message?: string } | undefined): Error {
  const property = found?.instancePath.slice(1).replaceAll('/', '.') || 'the ping'
  return withoutStack(() => new Error(`${property} ${found?.message}`))
}

export const tooManyRequests = (): Error => (
  withoutStack(() => new RequestError(429, 'too many requests from one address')))

/**
 * Builds an error without a stack: nothing reads it, and a flood of refused requests would take from the others what it
 * costs, which is more than a validation.
 */
function withoutStack (build: () => Error): Error {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  const error = build()
  Error.stackTraceLimit = stackTraceLimit
  return error
}

export function faultOf (error: FastifyError): Fault {
  const status = error.statusCode ?? 500
  if (error instanceof RequestError) return { status, message: error.message }
  if (error.validation) return { status: 400, message: error.message }
  if (isFaultOfPing(error)) return { status: 400, message: 'the ping has a value that cannot be stored' }
  // An error without a status comes from the storage. The ping is valid, and the sender should try again.
  if (status >= 500) return AWAY
  const known = KNOWN[error.code]
  if (known) return { status, message: known }
  return { status, message: 'the request is not valid' }
}

/**
 * Chooses `Retry-After` in seconds: at least the minute of the rate limit, plus a random time to spread the retries.
 */
function retryAfter (status: number): number {
  return (status === 429 ? 60 : 30) + Math.floor(Math.random() * 60)
}

export function answerFault (reply: FastifyReply, { status, message }: Fault): FastifyReply {
  if (status === 429 || status === 503) reply.header('retry-after', retryAfter(status))
  return reply.code(status).send({ status: 'error', error: message })
}

/** Answers errors, unknown paths and methods that are not allowed. */
export function answerErrors (app: FastifyInstance): void {
  const logOnce = oncePerMinute(app.log)
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const fault = faultOf(error)
    if (fault.status >= 500 && !(error instanceof RequestError)) logOnce(error, fault.message)
    return answerFault(reply, fault)
  })
  app.setNotFoundHandler((request, reply) => {
    const allowed = methodsOf(app, request)
    if (allowed.length === 0) {
      return answerFault(reply, { status: 404, message: 'not found; a ping is sent by POST to / or /ping' })
    }
    reply.header('allow', allowed.join(', '))
    return answerFault(reply, { status: 405, message: `the method is not allowed here; use ${allowed.join(' or ')}` })
  })
}

function methodsOf (app: FastifyInstance, { url }: FastifyRequest): HTTPMethods[] {
  const path = url.replace(/[?#].*$/, '').replace(/(?<=.)\/$/, '')
  return (['GET', 'HEAD', 'POST'] as const).filter((method) => app.hasRoute({ method, url: path }))
}

/**
 * Logs each kind of error at most once a minute, with the number of those left out, so that an outage fills no disk.
 */
function oncePerMinute (log: FastifyBaseLogger): (error: FastifyError, message: string) => void {
  const kinds = new Map<string, { until: number, unlogged: number }>()
  return (error, message) => {
    const kind = codeOf(error) || error.name
    const seen = kinds.get(kind)
    if (seen && Date.now() < seen.until) {
      seen.unlogged++
      return
    }
    kinds.set(kind, { until: Date.now() + 60_000, unlogged: 0 })
    log.error({ err: error, ...(seen?.unlogged && { alsoBefore: seen.unlogged }) }, message)
  }
}
