import { DataTypes } from 'sequelize'
import { createTable, type Migration } from '../database/migrate.js'
import { decisionColumns } from './telemetry-decision.js'

const id = { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true }
const text = { type: DataTypes.STRING, allowNull: false }
const moment = { type: DataTypes.DATE, allowNull: false }
const timestamps = { createdAt: moment, updatedAt: moment }

/** The table that lists the migrations that have run. A database without it does not belong to the platform. */
export const HISTORY = 'PlatformMigrations'

/** The migrations of the platform's tables, oldest first. Never edit a released one; append a new one. */
export const migrations: Migration[] = [
  {
    name: '2026-11-23-01-platform',
    async up (schema, transaction) {
      await createTable(schema, transaction, 'PlatformSettings', {
        key: { type: DataTypes.STRING, primaryKey: true },
        value: { type: DataTypes.TEXT, allowNull: false },
        ...timestamps
      })
      await createTable(schema, transaction, 'Users', {
        id,
        username: { ...text, unique: true },
        name: text,
        email: { ...text, unique: true },
        password: text,
        admin: { type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false },
        ...timestamps
      })
      await createTable(schema, transaction, 'Teams', { id, name: text, ...timestamps })
      await createTable(schema, transaction, 'Projects', {
        id,
        name: text,
        TeamId: { type: DataTypes.INTEGER, references: { model: 'Teams', key: 'id' }, onDelete: 'CASCADE' },
        ...timestamps
      })
      await createTable(schema, transaction, 'Sessions', {
        // The SHA-256 of the cookie. The stored hash cannot be used to sign in.
        id: { type: DataTypes.STRING(64), primaryKey: true },
        UserId: {
          type: DataTypes.INTEGER, allowNull: false, references: { model: 'Users', key: 'id' }, onDelete: 'CASCADE'
        },
        expiresAt: moment,
        ...timestamps
      })
    }
  },
  {
    name: '2026-11-25-01-telemetry-decisions',
    async up (schema, transaction) {
      await createTable(schema, transaction, 'TelemetryDecisions', { id, ...decisionColumns() })
    }
  }
]
