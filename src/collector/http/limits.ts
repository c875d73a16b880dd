import rateLimit, { type FastifyRateLimitStore } from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

const MINUTE = 60_000

/**
 * Counts by key for a minute, then starts anew with an empty table: the counts of a client are gone when its minute is
 * over, whereas the store of `@fastify/rate-limit` keeps them until other clients push them out.
 */
export class MinuteCounter {
  private counts = new Map<string, number>()
  private endsAt = 0

  /** Adds one. @returns the count of this minute, and the milliseconds that the minute has left */
  add (key: string): { current: number, ttl: number } {
    const now = Date.now()
    if (this.counts.size === 0) {
      this.endsAt = now + MINUTE
      setTimeout(() => { this.counts = new Map() }, MINUTE).unref()
    }
    const current = this.of(key) + 1
    this.counts.set(key, current)
    return { current, ttl: Math.max(0, this.endsAt - now) }
  }

  of (key: string): number {
    return this.counts.get(key) ?? 0
  }
}

class MinuteStore implements FastifyRateLimitStore {
  private readonly counter = new MinuteCounter()

  incr: FastifyRateLimitStore['incr'] = (key, done) => { done(null, this.counter.add(key)) }

  /** Called for a route with a limit of its own; there is none. */
  child: FastifyRateLimitStore['child'] = () => this
}

interface Options {
  /** Requests a minute from one network. */
  limit: number
}

/** Limits the requests of one client. The answer's `Retry-After` is set with the error, at random. */
export const limits = fp<Options>(async (app: FastifyInstance, { limit }) => {
  const hidden = { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false }
  await app.register(rateLimit, {
    max: limit,
    timeWindow: MINUTE,
    store: MinuteStore,
    keyGenerator: (request) => request.networkHash,
    addHeaders: { ...hidden, 'retry-after': false },
    addHeadersOnExceeding: hidden
  })
}, { name: 'collector.limits', dependencies: ['collector.client-address'], fastify: '5.x' })
