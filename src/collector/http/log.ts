import type { FastifyLoggerOptions } from 'fastify'
import { codeOf } from '../storage/database.js'

/**
 * A log without senders. Requests, replies and connections are never written, at any level, and of an error only its
 * kind and the places in the code: its message can quote a request, and a database's error quotes the rows.
 */
export function logOptions (level: string, stream?: { write: (line: string) => void }): FastifyLoggerOptions {
  const hidden = () => ({})
  return { level, ...(stream && { stream }), serializers: { req: hidden, res: hidden, err: describeError } }
}

function describeError (error: Error & { code?: string }) {
  const places = error.stack?.split('\n').filter((line) => line.startsWith('    at ')).map((line) => line.slice(7))
  return { type: error.name, message: codeOf(error) || error.name, stack: places?.join('\n') ?? '' }
}
