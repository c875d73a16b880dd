import { DataTypes } from 'sequelize'
import { createTable, type Migration } from '../../database/migrate.js'

/** The history of telemetry's own tables. Released steps are never edited. */
export const migrations: Migration[] = [
  {
    name: '2026-11-23-01-telemetry',
    async up (schema, transaction) {
      await createTable(schema, transaction, 'TelemetryClaims', {
        kind: { type: DataTypes.STRING, primaryKey: true },
        claimedAt: { type: DataTypes.DATE, allowNull: false }
      })
      const longAgo = new Date(0)
      await schema.bulkInsert('TelemetryClaims', [{ kind: 'boot', claimedAt: longAgo }, { kind: 'daily', claimedAt: longAgo }], { transaction })
      await createTable(schema, transaction, 'TelemetryPings', {
        id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
        kind: { type: DataTypes.STRING, allowNull: false },
        sentAt: { type: DataTypes.DATE, allowNull: false },
        idempotencyKey: { type: DataTypes.STRING, allowNull: false },
        body: { type: DataTypes.TEXT, allowNull: false },
        outcome: { type: DataTypes.STRING, allowNull: false },
        status: DataTypes.INTEGER,
        attempts: { type: DataTypes.INTEGER, allowNull: false },
        durationMs: DataTypes.INTEGER,
        receipt: DataTypes.TEXT,
        error: DataTypes.TEXT
      })
    }
  }
]
