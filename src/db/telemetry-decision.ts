import { DataTypes, type ModelAttributeColumnOptions } from 'sequelize'
import { Type, type Static, type TSchema } from 'typebox'

/** The ways in which somebody can decide on telemetry. */
export const WAYS = ['wizard', 'page', 'API', 'command line'] as const

/** The actions that are recorded. */
export const ACTIONS = ['decide', 'forget', 'new id'] as const

/**
 * One decision on telemetry. Its columns, its type and the API are derived from this. A new column needs a migration
 * of its own, and must be left out of the one that creates the table.
 */
export const decisionSchema = Type.Object({
  action: Type.Enum(ACTIONS, {
    description: 'What was done: telemetry was turned on or off (`decide`), ' +
      'what the receiver held was deleted and the installation took a new id (`forget`), ' +
      'or it took a new id alone (`new id`).'
  }),
  enabled: Type.Boolean({ description: 'Whether the administrator allows telemetry since then.' }),
  way: Type.Enum(WAYS, { description: 'How it was decided.' }),
  who: Type.String({
    description: 'The username of the administrator, or of the operating system\'s user at the command line.'
  }),
  decidedAt: Type.String({ format: 'date-time', description: 'When it was decided.' }),
  schemaVersion: Type.Integer({
    description: 'The version of the ping that was shown; if telemetry was turned on, the one agreed to.'
  })
}, { additionalProperties: false })

/** A decision as the API returns it. */
type DecisionJson = Static<typeof decisionSchema>

/** A decision as it is recorded. */
export type Decision = Omit<DecisionJson, 'decidedAt'> & { decidedAt: Date }

/** Returns new column definitions on each call, because Sequelize modifies the objects it is given. */
export function decisionColumns (): Record<keyof Decision, ModelAttributeColumnOptions> {
  const columns = Object.entries(decisionSchema.properties).map(([name, schema]) => (
    [name, { type: columnType(schema), allowNull: false }]))
  return Object.fromEntries(columns) as Record<keyof Decision, ModelAttributeColumnOptions>
}

function columnType (schema: TSchema & { type?: string, format?: string }) {
  if (schema.format === 'date-time') return DataTypes.DATE
  return { boolean: DataTypes.BOOLEAN, integer: DataTypes.INTEGER }[schema.type ?? ''] ?? DataTypes.STRING
}
