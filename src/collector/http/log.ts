import type { FastifyLoggerOptions } from 'fastify'
import { serializeError } from '../../database/serialize-error.js'

/** Returns options of a log that never includes requests, replies or connections, so that it identifies no sender. */
export function logOptions (level: string, stream?: { write: (line: string) => void }): FastifyLoggerOptions {
  const hidden = () => ({})
  return { level, ...(stream && { stream }), serializers: { req: hidden, res: hidden, err: serializeError } }
}
