import { Type, type Static } from 'typebox'

/** The settings that the platform keeps in its database. A key that is not here is refused. */
export const settingsSchema = Type.Object({
  'setup:initialised': Type.Boolean({ default: false, description: 'Whether the setup wizard has been finished.' }),
  'setup:administrator': Type.Integer({ description: 'The id of the first administrator.' }),
  'setup:browser': Type.String({
    description: 'The SHA-256 of the `_csrf` cookie of the browser that created the administrator.'
  }),
  'telemetry:enabled': Type.Boolean({ default: true, description: 'Whether the administrator allows telemetry.' }),
  'telemetry:schema': Type.Integer({
    minimum: 1, description: 'The version of the ping that the administrator\'s yes covers; 1 if it was never set.'
  }),
  instanceId: Type.String({ description: 'A random UUID, made once per installation.' })
})

export type SettingValues = Static<typeof settingsSchema>
export type SettingKey = keyof SettingValues
