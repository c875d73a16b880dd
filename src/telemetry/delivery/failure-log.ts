import type { FastifyBaseLogger } from 'fastify'
import { reasonOf } from '../describe-error.js'

/** An Error, or the error of a recorded ping. */
interface Failure {
  code?: unknown
  message: string | null
}

/**
 * Logs once at `warn` when sending starts to fail, and once at `info` when the first ping is delivered or sending
 * works again; everything in between at `debug`. So an installation that cannot reach the collector logs a single line.
 */
export class FailureLog {
  readonly #log: FastifyBaseLogger
  #state: 'untried' | 'working' | 'failing' = 'untried'

  constructor (log: FastifyBaseLogger) {
    this.#log = log
  }

  /** Logs a failure. @param willRetry whether the same ping will be attempted again automatically */
  failed (failure: Failure, willRetry: boolean): void {
    const level = this.#state === 'failing' ? 'debug' : 'warn'
    this.#state = 'failing'
    const retry = willRetry ? '; it is tried again by itself' : ''
    this.#log[level](`Telemetry could not be sent (${reasonOf(failure)}). Nothing else is affected${retry}.`)
  }

  /** Logs a delivered ping. */
  worked (): void {
    const level = this.#state === 'working' ? 'debug' : 'info'
    this.#state = 'working'
    this.#log[level]('Telemetry was sent.')
  }
}
