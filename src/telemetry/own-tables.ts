import type { Options, Sequelize } from 'sequelize'

/**
 * The host's database without the host's habits. Its options for models (`underscored`, `paranoid`, `schema`, hooks ...)
 * would rename or hide columns that telemetry's migrations made, and its `sync` would make telemetry's tables, or drop
 * them. The connections, and so the transactions, are the host's.
 */
export function setApart (sequelize: Sequelize): Sequelize {
  const { options, modelManager } = sequelize as Sequelize & { options: Options }
  const apart = Object.create(sequelize, {
    options: { value: { ...options, define: {}, schema: undefined, omitNull: false } },
    models: { value: {} }
  })
  const Manager = modelManager.constructor as new (sequelize: Sequelize) => Sequelize['modelManager']
  return Object.defineProperty(apart, 'modelManager', { value: new Manager(apart) })
}
