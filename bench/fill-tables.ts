import { QueryTypes, type Sequelize } from 'sequelize'

/** The tables of a large platform. */
export const SIZE = { users: 1_000_000, teams: 100_000, projects: 1_000_000 }

/** Rows made by the database itself; the values are as long as real ones. */
export async function fillTables (sequelize: Sequelize, scale: number): Promise<void> {
  const now = sequelize.getDialect() === 'postgres' ? 'now()' : "datetime('now')"
  const numbers = (count: number) => sequelize.getDialect() === 'postgres'
    ? `SELECT generate_series(1, ${count}) AS n`
    : `WITH RECURSIVE counter (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < ${count}) SELECT n FROM counter`
  const admin = sequelize.getDialect() === 'postgres' ? 'false' : '0'
  const statements = [
    'INSERT INTO "Users" (username, name, email, password, admin, "createdAt", "updatedAt") SELECT \'user\' || n, ' +
    `'User ' || n, 'user' || n || '@example.com', 'hash', ${admin}, ${now}, ${now} FROM (${numbers(SIZE.users * scale)}) AS numbers`,
    `INSERT INTO "Teams" (name, "createdAt", "updatedAt") SELECT 'Team ' || n, ${now}, ${now} FROM (${numbers(SIZE.teams * scale)}) AS numbers`,
    `INSERT INTO "Projects" (name, "createdAt", "updatedAt") SELECT 'Project ' || n, ${now}, ${now} FROM (${numbers(SIZE.projects * scale)}) AS numbers`
  ]
  for (const statement of statements) await sequelize.query(statement, { type: QueryTypes.RAW })
  await sequelize.query(sequelize.getDialect() === 'postgres' ? 'VACUUM ANALYZE' : 'PRAGMA wal_checkpoint(TRUNCATE)')
}
