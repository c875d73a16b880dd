import type { FastifyBaseLogger } from 'fastify'

/**
 * Logs once when sending starts to fail, and once when it works again; everything in between at `debug`. An
 * installation without a route to the collector logs one line, not one a day.
 */
export class FailureLog {
  readonly #log: FastifyBaseLogger
  #failing = false

  constructor (log: FastifyBaseLogger) {
    this.#log = log
  }

  failed (error: unknown): void {
    const level = this.#failing ? 'debug' : 'warn'
    this.#failing = true
    this.#log[level]({ err: error }, 'Telemetry could not be sent. Nothing else is affected; it is tried again by itself.')
  }

  worked (): void {
    const level = this.#failing ? 'info' : 'debug'
    this.#failing = false
    this.#log[level]('Telemetry was sent.')
  }
}
