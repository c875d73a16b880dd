import {
  DataTypes, Model,
  type CreationOptional, type InferAttributes, type InferCreationAttributes, type Sequelize
} from 'sequelize'
import { decisionColumns, type Decision } from './telemetry-decision.js'

type Attributes<M extends Model> = InferAttributes<M>
type Creation<M extends Model> = InferCreationAttributes<M>

/** A user of the platform. `password` is an argon2 hash. */
export class User extends Model<Attributes<User>, Creation<User>> {
  declare id: CreationOptional<number>
  declare username: string
  declare name: string
  declare email: string
  declare password: string
  declare admin: CreationOptional<boolean>
}

export class Team extends Model<Attributes<Team>, Creation<Team>> {
  declare id: CreationOptional<number>
  declare name: string
}

export class Project extends Model<Attributes<Project>, Creation<Project>> {
  declare id: CreationOptional<number>
  declare name: string
  declare TeamId: CreationOptional<number | null>
}

/** One setting of the platform; `value` is its JSON text. */
export class PlatformSetting extends Model<Attributes<PlatformSetting>, Creation<PlatformSetting>> {
  declare key: string
  declare value: string
}

/** A signed-in browser; `id` is the SHA-256 of its cookie, in hexadecimal. */
export class Session extends Model<Attributes<Session>, Creation<Session>> {
  declare id: string
  declare UserId: number
  declare expiresAt: Date
}

/** One decision on telemetry: who turned it on or off, when, and in which way. */
export class TelemetryDecision extends Model<Decision & { id: number }, Decision> {}

// Functions, because Sequelize modifies the objects it is given.
const id = () => ({ type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true })
const text = () => ({ type: DataTypes.STRING, allowNull: false })

export interface Models {
  User: typeof User
  Team: typeof Team
  Project: typeof Project
  PlatformSetting: typeof PlatformSetting
  Session: typeof Session
  TelemetryDecision: typeof TelemetryDecision
}

/**
 * Binds the models to one database. Each call creates new classes, because tests run several platforms in a process.
 */
export function defineModels (sequelize: Sequelize): Models {
  const models = {
    User: class extends User {},
    Team: class extends Team {},
    Project: class extends Project {},
    PlatformSetting: class extends PlatformSetting {},
    Session: class extends Session {},
    TelemetryDecision: class extends TelemetryDecision {}
  }
  models.User.init({
    id: id(),
    username: text(),
    name: text(),
    email: text(),
    password: text(),
    admin: { type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false }
  }, { sequelize, modelName: 'User' })
  models.Team.init({ id: id(), name: text() }, { sequelize, modelName: 'Team' })
  models.Project.init({ id: id(), name: text(), TeamId: DataTypes.INTEGER }, { sequelize, modelName: 'Project' })
  models.PlatformSetting.init({
    key: { type: DataTypes.STRING, primaryKey: true },
    value: { type: DataTypes.TEXT, allowNull: false }
  }, { sequelize, modelName: 'PlatformSetting' })
  models.Session.init({
    id: { type: DataTypes.STRING(64), primaryKey: true },
    UserId: { type: DataTypes.INTEGER, allowNull: false },
    expiresAt: { type: DataTypes.DATE, allowNull: false }
  }, { sequelize, modelName: 'Session' })
  models.TelemetryDecision.init({ id: id(), ...decisionColumns() }, {
    sequelize, modelName: 'TelemetryDecision', timestamps: false
  })
  return models
}
