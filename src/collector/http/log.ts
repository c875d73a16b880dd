import type { FastifyLoggerOptions } from 'fastify'
import { serializeError } from '../../database/serialize-error.js'

/** A log without senders: requests, replies and connections are never written, at any level. */
export function logOptions (level: string, stream?: { write: (line: string) => void }): FastifyLoggerOptions {
  const hidden = () => ({})
  return { level, ...(stream && { stream }), serializers: { req: hidden, res: hidden, err: serializeError } }
}
