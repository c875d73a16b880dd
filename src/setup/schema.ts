import { Type } from 'typebox'
import { accountSchema, csrfToken, ignored } from '../accounts/schema.js'

const closed = { additionalProperties: false }

export const createUserSchema = Type.Object({
  ...accountSchema.properties,
  password_confirm: ignored,
  _csrf: Type.Optional(csrfToken)
}, closed)

export const decisionSchema = Type.Object({
  telemetry: Type.Boolean({ description: 'Has to be true or false: whether the administrator allows telemetry.' }),
  stackOverrides: ignored,
  _csrf: Type.Optional(csrfToken)
}, closed)

export const finishSchema = Type.Object({ _csrf: Type.Optional(csrfToken) }, closed)
