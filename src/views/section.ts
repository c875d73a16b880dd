import type { FastifyBaseLogger } from 'fastify'
import timers from 'node:timers/promises'

/** How long a page waits for one of its sections. */
const PATIENCE_MS = 2_000

/** A part of a page that can fail without the others: its content, or the reason why there is none. */
export type Section<T> = { content: T, problem?: undefined } | { content?: undefined, problem: string }

/** Errors whose message is meant for people. */
const TELLING = ['telemetry_off', 'invalid_ping']

/**
 * Loads one section of a page, within 2 seconds. Never throws: the page shows the problem in place of the section.
 *
 * @param load prepares everything that the template shows, so that the template itself cannot fail
 */
export async function loadSection<T> (
  log: FastifyBaseLogger, name: string, load: () => T | Promise<T>
): Promise<Section<T>> {
  const patience = new AbortController()
  try {
    const loading = Promise.resolve().then(load)
    const late = timers.setTimeout(PATIENCE_MS, 'late' as const, { signal: patience.signal, ref: false })
    // Loading may still fail after the time is over.
    loading.catch(() => {})
    const first = await Promise.race([loading.then((content) => ({ content })), late])
    if (first !== 'late') return first
    log.debug(`A page went without ${name}: it took longer than 2 seconds.`)
    return { problem: 'The database took longer than 2 seconds.' }
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    if (TELLING.includes(code!)) return { problem: message.replace(/\.?$/, '.') }
    log.warn({ err: error }, `A page goes without ${name}.`)
    return { problem: 'It could not be read; the log of the platform says why.' }
  } finally {
    patience.abort()
  }
}
