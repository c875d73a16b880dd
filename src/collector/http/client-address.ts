import rateLimit, { type FastifyRateLimitStore, type FastifyRateLimitStoreCtor } from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { hashAddress, hashKey } from './address-hash.js'
import { dayOf, type Salts } from '../storage/salts.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Milliseconds since 1970. */
    receivedAt: number
    /** All that the collector keeps of the sender's address, and all that its parts ever see of it. */
    addressHash: string
  }
}

interface Options {
  salts: Salts
  secret: string
  /** Requests a minute from one address. */
  limit: number
  now: () => number
}

/** Turns the sender's address into its hash before anything else happens, and limits how often a sender may come. */
export const sender = fp<Options>(async (app: FastifyInstance, { salts, secret, limit, now }) => {
  const key = hashKey(secret)
  app.decorateRequest('receivedAt', 0)
  app.decorateRequest('addressHash', '')
  app.addHook('onRequest', async (request) => {
    request.receivedAt = now()
    request.addressHash = hashAddress(key, await salts.of(dayOf(request.receivedAt)), request.ip ?? '')
  })
  await app.register(rateLimit, {
    max: limit,
    timeWindow: WINDOW,
    // No route has a limit of its own, for which a store would need `child`.
    store: MinuteStore as unknown as FastifyRateLimitStoreCtor,
    keyGenerator: (request) => request.addressHash,
    addHeaders: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false, 'retry-after': true },
    addHeadersOnExceeding: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false }
  })
}, { name: 'collector.sender', fastify: '5.x' })

const WINDOW = 60_000

/** Counts in one table that is thrown away when its minute is over. The limiter's own keeps a sender until others push it out. */
class MinuteStore implements Pick<FastifyRateLimitStore, 'incr'> {
  private counts = new Map<string, number>()
  private endsAt = 0

  incr (key: string, done: (error: null, result: { current: number, ttl: number }) => void): void {
    const now = Date.now()
    if (this.counts.size === 0) {
      this.endsAt = now + WINDOW
      setTimeout(() => { this.counts = new Map() }, WINDOW).unref()
    }
    const current = (this.counts.get(key) ?? 0) + 1
    this.counts.set(key, current)
    done(null, { current, ttl: Math.max(0, this.endsAt - now) })
  }
}
