/** Types and constants that several files of telemetry, and the host, share. */
import type { XStatic } from 'typebox/schema'

/** A UUID of version 4, in lower case: the only `instanceId` that a ping may carry. */
export const INSTANCE_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/**
 * The version of the ping's schema in ping.ts: the highest `since` of its properties. It is declared here, so that
 * checking for new properties does not load typebox.
 */
export const SCHEMA_VERSION = 1

/** Why a ping is sent: 30 seconds after the start, once a day, or because an administrator or operator asked for it. */
export const PING_KINDS = ['boot', 'daily', 'manual'] as const

export type PingKind = typeof PING_KINDS[number]

/**
 * `pending` until the last attempt is over; `delivered` if a collector confirmed the receipt; `unconfirmed` if
 * something else answered 2xx, for example a login page; `interrupted` if the process ended before that.
 */
export const PING_OUTCOMES = ['pending', 'delivered', 'unconfirmed', 'failed', 'cancelled', 'interrupted'] as const

/** Who can decide that no ping is sent. `host` means that the platform lacks something that telemetry needs. */
export const DECIDERS = ['flowforge.yml', 'environment', 'host', 'setup', 'administrator'] as const

/** Whether a ping may be sent, who decided, and why, in a sentence to show. */
export interface Consent {
  allowed: boolean
  decidedBy: typeof DECIDERS[number]
  explanation: string
}

/** A property of the ping that has not been agreed to yet. */
export interface NewProperty {
  /** For example `platform.counts.users`. */
  path: string
  description: string
  /** Why it is sent. */
  why: string
}

const orNull = <T extends 'integer' | 'string'>(type: T, description: string) => (
  { type: [type, 'null'] as const, description })

/**
 * One ping of the log, as a JSON Schema. The type, the columns that are read and written, the API and its document are
 * derived from it. A new column also needs a migration in `store/migrations.ts`.
 */
export const loggedPingSchema = {
  type: 'object',
  additionalProperties: false,
  required: [
    'id', 'kind', 'sentAt', 'idempotencyKey', 'url', 'body', 'outcome', 'status', 'attempts', 'nextAttemptAt',
    'durationMs', 'contentType', 'receipt', 'errorCode', 'error'
  ],
  properties: {
    id: { type: 'integer', description: 'Counts up; not reused.' },
    kind: { type: 'string', enum: PING_KINDS, description: 'Why it was sent.' },
    sentAt: {
      type: ['string', 'null'],
      format: 'date-time',
      description: 'When it was recorded, before its first byte was sent; null where the entry is damaged.'
    },
    idempotencyKey: { type: 'string', description: 'A random UUID, the same for every attempt of this ping.' },
    url: orNull('string', 'Where it was posted to, without credentials; null for a ping that release 0.2.0 recorded.'),
    body: { type: 'string', description: 'The exact text that was posted.' },
    outcome: { type: 'string', enum: PING_OUTCOMES, description: 'What became of it.' },
    status: orNull('integer', 'The HTTP status of the last answer; null if there was none.'),
    attempts: { type: 'integer', description: 'Attempts so far, the first included.' },
    nextAttemptAt: {
      type: ['string', 'null'],
      format: 'date-time',
      description: 'When the next attempt is due while the ping waits, ' +
        'or was due when its wait was cut short; else null.'
    },
    durationMs: orNull('integer', 'Milliseconds from the record to the end of the last attempt.'),
    contentType: orNull('string', 'The content type of the last answer; null if it named none.'),
    receipt: orNull('string', 'What was answered, up to 64 KiB.'),
    errorCode: orNull('string', 'The code of the last error, for example ECONNREFUSED; null if it had none.'),
    error: orNull('string', 'Why the last attempt failed, or what cancelled it, in technical words.')
  }
} as const

/** One ping of the log as the API returns it. */
export type LoggedPingJson = XStatic<typeof loggedPingSchema>

/** One ping of the log: the exact text, and the result. */
export type LoggedPing = Omit<LoggedPingJson, 'sentAt' | 'nextAttemptAt'> & { sentAt: Date, nextAttemptAt: Date | null }

/** The part of a logged ping that is known before it is sent. */
export type PingRecord = Pick<LoggedPing, 'kind' | 'sentAt' | 'idempotencyKey' | 'url' | 'body'>

/** The result of a ping so far. */
export type PingResult = Omit<LoggedPing, 'id' | keyof PingRecord>

/** Consent is refused; the message is the explanation. */
export class TelemetryOffError extends Error {
  override readonly name = 'TelemetryOffError'
  readonly code = 'telemetry_off'
}
