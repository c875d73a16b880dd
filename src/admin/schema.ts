import type { FastifySchema } from 'fastify'
import { Type, type TSchema } from 'typebox'
import { DECIDERS, loggedPingSchema as loggedPing, type LoggedPingJson } from '../telemetry/types.js'

const closed = { additionalProperties: false }
const moment = { format: 'date-time' }

export const settingsSchema = Type.Object({
  'telemetry:enabled': Type.Boolean({
    description: 'Has to be true or false: whether the administrator allows telemetry.'
  })
}, closed)

/** A ping of the log, as the API returns it. */
export const loggedPingSchema = Type.Unsafe<LoggedPingJson>(loggedPing)

export const telemetrySchema = Type.Object({
  allowed: Type.Boolean({ description: 'Whether a ping may be sent now.' }),
  decidedBy: Type.Enum(DECIDERS),
  explanation: Type.String({ description: 'Why, in one sentence.' }),
  locked: Type.Boolean({
    description: 'Whether the operator, or the platform itself, has turned it off: no setting can change that.'
  }),
  url: Type.Union([Type.String(), Type.Null()], {
    description: 'Where pings are posted to; null while flowforge.yml does not name it clearly.'
  }),
  nextDailyPing: Type.Union([Type.String(moment), Type.Null()], { description: 'null while telemetry is off.' }),
  newProperties: Type.Array(Type.Object({
    path: Type.String({ description: 'Where it stands in the ping.' }),
    description: Type.String({ description: 'What it is.' }),
    why: Type.String({ description: 'Why it is asked.' })
  }, closed), {
    description: 'What this release can send once an administrator has agreed; empty while telemetry is off.'
  }),
  lastPing: Type.Union([loggedPingSchema, Type.Null()])
}, closed)

/** The receiver's answer, unchanged. The example is that of a new installation. */
export const heldSchema = Type.Unsafe<object>({
  type: 'object',
  additionalProperties: true,
  examples: [{ installation: null, pingsKept: 0, pings: [] }]
})

export const forgottenSchema = Type.Object({
  installations: Type.Integer({
    description: 'How many rows of the installation were deleted: 1, or 0 if there was none.'
  }),
  pings: Type.Integer({ description: 'How many pings were deleted.' })
}, closed)

export const newIdSchema = Type.Object({
  instanceId: Type.String({ description: 'The new random UUID of this installation.' })
}, closed)

export const errorSchema = Type.Object({
  code: Type.String({ description: 'The kind of error, for programs.' }),
  error: Type.String({ description: 'What was wrong, for people.' })
}, closed)

/** The schema of a call that answers this. */
export const answers = <T extends TSchema>(success: T, summary: string) => ({
  tags: ['admin'],
  summary,
  security: [{ session: [] }],
  response: { 200: success, '4xx': errorSchema, '5xx': errorSchema }
}) satisfies FastifySchema
