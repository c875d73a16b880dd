import rateLimit, { type FastifyRateLimitStore } from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { tooManyRequests } from './errors.js'

const MINUTE = 60_000

/**
 * Counts by key, and discards all counts after a minute. The store of `@fastify/rate-limit` would keep the key of a
 * client until other clients displace it.
 */
export class MinuteCounter {
  private counts = new Map<string, number>()
  private endsAt = 0

  /** Adds one to a key. @returns its count in this minute, and the milliseconds that are left of the minute */
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

  /** Part of the interface, but unused: no route has a limit of its own. */
  child: FastifyRateLimitStore['child'] = () => this
}

interface Options {
  /** Requests a minute from one network. */
  limit: number
}

/** Limits the requests of one network. errors.ts sets `Retry-After` of the answer. */
export const limits = fp<Options>(async (app: FastifyInstance, { limit }) => {
  const hidden = { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false }
  await app.register(rateLimit, {
    max: limit,
    timeWindow: MINUTE,
    store: MinuteStore,
    keyGenerator: (request) => request.networkHash,
    addHeaders: { ...hidden, 'retry-after': false },
    addHeadersOnExceeding: hidden,
    errorResponseBuilder: tooManyRequests
  })
}, { name: 'collector.limits', dependencies: ['collector.client-address'], fastify: '5.x' })
