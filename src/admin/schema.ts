import { Type } from 'typebox'
import { DECIDERS } from '../telemetry/consent.js'
import { KINDS, OUTCOMES } from '../telemetry/store/ping-log.js'

const closed = { additionalProperties: false }
const moment = { format: 'date-time' }

export const settingsSchema = Type.Object({
  'telemetry:enabled': Type.Boolean({
    description: 'Has to be true or false: whether the administrator allows telemetry.'
  })
}, closed)

/** A ping of the log, as the API shows it. */
export const loggedPingSchema = Type.Object({
  id: Type.Integer(),
  kind: Type.Enum(KINDS),
  sentAt: Type.String({ ...moment, description: 'When it was recorded, before its first byte left.' }),
  idempotencyKey: Type.String({ description: 'The same with every attempt of this ping.' }),
  body: Type.String({ description: 'The exact text that was posted.' }),
  outcome: Type.Enum(OUTCOMES),
  status: Type.Union([Type.Integer(), Type.Null()], { description: 'The HTTP status of the last answer.' }),
  attempts: Type.Integer(),
  durationMs: Type.Union([Type.Integer(), Type.Null()]),
  receipt: Type.Union([Type.String(), Type.Null()], { description: 'What the collector answered.' }),
  error: Type.Union([Type.String(), Type.Null()], { description: 'Why the last attempt failed, in technical words.' })
}, closed)

export const telemetrySchema = Type.Object({
  allowed: Type.Boolean({ description: 'Whether a ping may be sent now.' }),
  decidedBy: Type.Enum(DECIDERS),
  explanation: Type.String({ description: 'Why, in one sentence.' }),
  locked: Type.Boolean({ description: 'Whether the operator says no, which no setting can change.' }),
  url: Type.String({ description: 'Where pings are posted to.' }),
  nextDailyPing: Type.Union([Type.String(moment), Type.Null()], { description: 'null while telemetry is off.' }),
  lastPing: Type.Union([loggedPingSchema, Type.Null()])
}, closed)

export const errorSchema = Type.Object({
  code: Type.String({ description: 'The kind of error, for programs.' }),
  error: Type.String({ description: 'What was wrong, for people.' })
}, closed)
