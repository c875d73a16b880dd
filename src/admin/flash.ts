import type { FastifyReply, FastifyRequest } from 'fastify'
import { isSecure } from '../http/scheme.js'

const COOKIE = 'flash'

/**
 * The last action on the Telemetry page: the switch, a ping that was not sent, the ping with this id, a question to
 * the receiver, the deletion of this many pings, or a new id.
 */
export type Flash = 'switch' | 'send' | `sent-${number}` | 'held' | 'forget' | `forgotten-${number}` | 'new-id'

const options = (request: FastifyRequest) => (
  { path: '/admin/settings/telemetry', httpOnly: true, sameSite: 'lax', secure: isSecure(request) } as const)

/** Sets the flash cookie, which is read once, by the next page that this browser opens. */
export function leaveFlash (reply: FastifyReply, flash: Flash): void {
  reply.setCookie(COOKIE, flash, { ...options(reply.request), maxAge: 60 })
}

/** Reads and clears the flash cookie, so that a message is not repeated when the page is reloaded. */
export function takeFlash (request: FastifyRequest, reply: FastifyReply): Flash | undefined {
  const note = request.cookies[COOKIE]
  if (note === undefined) return undefined
  reply.clearCookie(COOKIE, options(request))
  return /^(switch|new-id|(sent|forgotten)-\d{1,15})$/.test(note) ? note as Flash : undefined
}
