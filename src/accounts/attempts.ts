import type { FastifyInstance, FastifyRequest } from 'fastify'
import { RequestProblem } from '../http/request-problem.js'
import { readClient } from '../network/addresses.js'

/**
 * Limits attempts at one account from all addresses together: some 3,000 passwords a day. The cache holds more accounts
 * than passwords can be checked in that time, two at once, so invented names cannot displace an account.
 */
const ACCOUNT_LIMIT = { max: 10, timeWindow: 5 * 60_000, cache: 100_000 }

const MOST_KNOWN = 5_000

/**
 * Limits the attempts at one account. An address that has signed in to it before is exempt, so that guesses from
 * elsewhere do not lock the owner out. Each address also has its own limit.
 */
export class AccountAttempts {
  private readonly known = new Set<string>()
  private readonly count: ReturnType<FastifyInstance['createRateLimit']>

  constructor (app: FastifyInstance) {
    // The route has checked that it is a text of at most 64 characters. Accounts that do not exist are limited, too.
    const keyGenerator = ({ body }: FastifyRequest) => (body as { username: string }).username
    this.count = app.createRateLimit({ ...ACCOUNT_LIMIT, keyGenerator })
  }

  /**
   * Counts an attempt, and admits it. Called when its password is about to be checked: an attempt that is never checked
   * reveals nothing, and would cost a stranger nothing.
   *
   * @throws RequestProblem 429, with the seconds to wait
   */
  async admit (request: FastifyRequest, username: string): Promise<void> {
    if (this.known.has(keyOf(username, request))) return
    const result = await this.count(request)
    if (result.isAllowed || !result.isExceeded) return
    const minutes = Math.ceil(result.ttlInSeconds / 60)
    throw new RequestProblem(429, 'too_many_requests',
      `Too many attempts. Try again in ${minutes === 1 ? 'a minute' : `${minutes} minutes`}.`, '', result.ttlInSeconds)
  }

  /** Remembers an address that has signed in. */
  remember (request: FastifyRequest, username: string): void {
    const key = keyOf(username, request)
    this.known.delete(key)
    this.known.add(key)
    if (this.known.size > MOST_KNOWN) this.known.delete(this.known.values().next().value!)
  }
}

/** A client that has hung up meanwhile has no address. */
const keyOf = (username: string, { ip }: { ip?: string }) => `${readClient(ip ?? '').network} ${username}`
