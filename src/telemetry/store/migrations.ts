import type { Sequelize, Transaction } from 'sequelize'
import { select, withTransaction } from './transaction.js'

interface Migration {
  name: string
  statements: (postgres: boolean) => string[]
}

const timeType = (postgres: boolean) => postgres ? 'TIMESTAMP WITH TIME ZONE' : 'DATETIME'

/** The migrations of telemetry's tables, oldest first. Never edit a released one; append a new one. */
const MIGRATIONS: Migration[] = [
  {
    name: '2026-11-23-01-telemetry',
    statements: (postgres) => {
      const time = timeType(postgres)
      return [
        `CREATE TABLE "TelemetryClaims" (kind VARCHAR(255) PRIMARY KEY, "claimedAt" ${time} NOT NULL)`,
        `INSERT INTO "TelemetryClaims" (kind, "claimedAt")
          VALUES ('boot', '1970-01-01 00:00:00.000 +00:00'), ('daily', '1970-01-01 00:00:00.000 +00:00')`,
        `CREATE TABLE "TelemetryPings" (
          id ${postgres ? 'SERIAL PRIMARY KEY' : 'INTEGER PRIMARY KEY AUTOINCREMENT'},
          kind VARCHAR(255) NOT NULL,
          "sentAt" ${time} NOT NULL,
          "idempotencyKey" VARCHAR(255) NOT NULL,
          body TEXT NOT NULL,
          outcome VARCHAR(255) NOT NULL,
          status INTEGER,
          attempts INTEGER NOT NULL,
          "durationMs" INTEGER,
          receipt TEXT,
          error TEXT)`
      ]
    }
  },
  {
    name: '2026-11-25-01-destination-and-error-code',
    statements: () => [
      'ALTER TABLE "TelemetryPings" ADD COLUMN url TEXT',
      'ALTER TABLE "TelemetryPings" ADD COLUMN "errorCode" TEXT'
    ]
  },
  {
    name: '2026-11-25-02-content-type-and-next-attempt',
    statements: (postgres) => [
      'ALTER TABLE "TelemetryPings" ADD COLUMN "contentType" TEXT',
      `ALTER TABLE "TelemetryPings" ADD COLUMN "nextAttemptAt" ${timeType(postgres)}`
    ]
  }
]

/**
 * The key of an advisory lock, an arbitrary number that nothing else on the database should use. With it, replicas that
 * start together migrate one after the other.
 */
const MIGRATION_LOCK = 7_326_190_412

/**
 * Creates telemetry's tables, or brings those of an older release up to date, in one transaction.
 *
 * @throws the database's error, also if an unrelated table of the same name exists
 */
export async function migrate (sequelize: Sequelize): Promise<void> {
  const postgres = sequelize.getDialect() === 'postgres'
  await withTransaction(sequelize, 'write', async (transaction) => {
    const run = (statement: string, bind: unknown[] = []) => sequelize.query(statement, { bind, transaction })
    if (postgres) await run(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`)
    await run('CREATE TABLE IF NOT EXISTS "TelemetryMigrations" (name VARCHAR(255) PRIMARY KEY)')
    const finished = await finishedMigrations(sequelize, transaction)
    for (const { name, statements } of MIGRATIONS) {
      if (finished.has(name)) continue
      for (const statement of statements(postgres)) await run(statement)
      await run('INSERT INTO "TelemetryMigrations" (name) VALUES ($1)', [name])
    }
  })
}

async function finishedMigrations (sequelize: Sequelize, transaction: Transaction | null): Promise<Set<string>> {
  const rows = await select<{ name: string }>(sequelize, 'SELECT name FROM "TelemetryMigrations"', [], transaction)
  return new Set(rows.map(({ name }) => name))
}

/** Checks whether telemetry's tables exist. Creates nothing. */
export async function hasTables (sequelize: Sequelize): Promise<boolean> {
  const statement = sequelize.getDialect() === 'postgres'
    ? 'SELECT 1 AS found WHERE to_regclass(\'"TelemetryMigrations"\') IS NOT NULL'
    : 'SELECT 1 AS found FROM sqlite_master WHERE type = \'table\' AND name = \'TelemetryMigrations\''
  return (await select(sequelize, statement)).length > 0
}
