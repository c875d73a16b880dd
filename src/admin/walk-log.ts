import type { FastifyInstance } from 'fastify'
import type { LoggedPing } from '../telemetry/index.js'

/** How many pings are read at once: an answer has up to 64 KiB, and reading many keeps the event loop busy. */
const AT_ONCE = 5

/** Reads the whole log, newest first, a few pings at a time. @throws the database's error */
export async function * walkLog ({ telemetry }: FastifyInstance): AsyncGenerator<LoggedPing> {
  let before: number | undefined
  do {
    const pings: LoggedPing[] = await telemetry.pings(AT_ONCE, before)
    yield * pings
    before = pings.length < AT_ONCE ? undefined : pings.at(-1)!.id
  } while (before !== undefined)
}
