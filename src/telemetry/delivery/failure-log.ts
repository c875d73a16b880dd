import type { FastifyBaseLogger } from 'fastify'
import { reasonOf } from '../describe-error.js'

/** What went wrong: an Error, or the error of a recorded ping. */
interface Failure {
  code?: unknown
  message: string | null
}

/**
 * Logs once when sending starts to fail, and once when the first ping was delivered or sending works again; everything in
 * between at `debug`. An installation without a route to the collector logs one line, not one a day.
 */
export class FailureLog {
  readonly #log: FastifyBaseLogger
  #state: 'untried' | 'working' | 'failing' = 'untried'

  constructor (log: FastifyBaseLogger) {
    this.#log = log
  }

  /** @param willRetry whether the same ping is attempted again by itself */
  failed (failure: Failure, willRetry: boolean): void {
    const level = this.#state === 'failing' ? 'debug' : 'warn'
    this.#state = 'failing'
    this.#log[level](`Telemetry could not be sent (${reasonOf(failure)}). Nothing else is affected${willRetry ? '; it is tried again by itself' : ''}.`)
  }

  worked (): void {
    const level = this.#state === 'working' ? 'debug' : 'info'
    this.#state = 'working'
    this.#log[level]('Telemetry was sent.')
  }
}
