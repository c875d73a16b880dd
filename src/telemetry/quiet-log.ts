import type { FastifyBaseLogger } from 'fastify'

export type QuietLog = ReturnType<typeof createQuietLog>

/**
 * Tells the operator's log once when sending starts to fail and once when it works again; between the two, and after
 * them, nothing above `debug`. An installation with no route out sees one line, not one a day.
 */
export function createQuietLog (log: FastifyBaseLogger) {
  let failing = false
  return {
    failed (error: unknown): void {
      const level = failing ? 'debug' : 'warn'
      failing = true
      log[level]({ err: error }, 'Telemetry could not be sent. Nothing else is affected; it is tried again by itself.')
    },
    worked (): void {
      const level = failing ? 'info' : 'debug'
      failing = false
      log[level]('Telemetry was sent.')
    }
  }
}
