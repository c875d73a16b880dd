/** What a sender is told when its ping was not stored. Nothing here repeats an address, a body or a database's text. */
import type { FastifyError, FastifyReply } from 'fastify'
import { isFaultOfRow } from '../storage/pings.js'

export interface Fault {
  status: number
  message: string
}

const KNOWN: Record<string, string> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'a ping has at most 64 KiB',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'a ping is sent as application/json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'the body is empty; a ping is a JSON object',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'the body does not have the length that its header says',
  FST_ERR_CTP_INVALID_JSON_BODY: 'the body is not valid JSON, or holds a property that is refused, such as __proto__'
}

const AWAY: Fault = { status: 503, message: 'the collector cannot store pings at the moment; try again later' }

export function faultOf (error: FastifyError): Fault {
  const status = error.statusCode ?? 500
  if (error.validation) return { status: 400, message: error.message }
  if (isFaultOfRow(error)) return { status: 400, message: 'the ping holds a value that cannot be stored' }
  // Whatever has no status of its own came from the storage: the ping is good, and the sender tries again.
  if (status >= 500) return AWAY
  const known = KNOWN[error.code]
  if (known) return { status, message: known }
  return { status, message: status === 429 ? 'too many pings from one address' : 'the request is not valid' }
}

/** Half a minute to a minute and a half, so that those who were turned away together do not come back together. */
export function retryAfter (): number {
  return 30 + Math.floor(Math.random() * 60)
}

export function answerFault (reply: FastifyReply, { status, message }: Fault): FastifyReply {
  if (status === 503) reply.header('retry-after', retryAfter())
  return reply.code(status).send({ status: 'error', error: message })
}
