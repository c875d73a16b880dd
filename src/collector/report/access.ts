import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequestError } from '../http/errors.js'
import { MinuteCounter } from '../http/limits.js'
import { carriesToken } from './token.js'

/** The limit of wrong tokens per minute from one network; after it even the right one is refused. */
const MOST_FAILURES = 10

const CHALLENGE = 'Basic realm="FlowForge usage report (password: the report token)", charset="UTF-8"'

/**
 * Builds a hook that admits only requests with the token, as a bearer token or as the password of HTTP Basic.
 *
 * @param token if undefined, the hook answers 404 to all requests
 */
export function requireToken (
  token: string | undefined
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const failures = new MinuteCounter()
  return async (request, reply) => {
    if (!token) throw new RequestError(404, 'the report is off: COLLECTOR_REPORT_TOKEN is not set')
    if (failures.of(request.networkHash) >= MOST_FAILURES) {
      throw new RequestError(429, 'too many wrong tokens from one address')
    }
    if (carriesToken(request.headers.authorization, token)) return
    // A browser first sends a request without a token, which does not count as a guess.
    if (request.headers.authorization !== undefined) failures.add(request.networkHash)
    reply.header('www-authenticate', CHALLENGE)
    throw new RequestError(401, 'the report needs its token, as a bearer token or as the password')
  }
}
