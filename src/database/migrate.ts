import { QueryTypes, type ModelAttributes, type QueryInterface, type Sequelize, type Transaction } from 'sequelize'
import { withTransaction } from './transaction.js'

/** One migration of a schema. Never edit a released one; append a new one. */
export interface Migration {
  name: string
  /** Every statement must be given the transaction. */
  up: (schema: QueryInterface, transaction: Transaction) => Promise<void>
}

/**
 * The key of an advisory lock, an arbitrary number that nothing else on the database should use. With it, replicas that
 * start together migrate one after the other.
 */
const MIGRATION_LOCK = 7_326_190_411

/**
 * Runs the migrations that have not run yet, in one transaction. If several replicas start at once on one database, the
 * first migrates, and the others wait and find nothing left to do.
 *
 * @param history the table that lists the migrations that have run; each program has its own
 * @throws the error of the database or of the migration, after everything has been rolled back
 */
export async function migrate (sequelize: Sequelize, history: string, migrations: Migration[]): Promise<void> {
  const schema = sequelize.getQueryInterface()
  await withTransaction(sequelize, async (transaction) => {
    if (sequelize.getDialect() === 'postgres') {
      await sequelize.query(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`, { transaction })
    }
    await sequelize.query(`CREATE TABLE IF NOT EXISTS "${history}" (name VARCHAR(255) PRIMARY KEY)`, { transaction })
    const rows = await sequelize.query<{ name: string }>(
      `SELECT name FROM "${history}"`, { type: QueryTypes.SELECT, transaction })
    const finished = new Set(rows.map(({ name }) => name))
    for (const { name, up } of migrations) {
      if (finished.has(name)) continue
      await up(schema, transaction)
      await sequelize.query(`INSERT INTO "${history}" (name) VALUES ($1)`, { bind: [name], transaction })
    }
  })
}

/**
 * Creates a table in a migration.
 *
 * @throws Error if a table of that name exists: it is unrelated, and Sequelize would silently use it
 */
export async function createTable (
  schema: QueryInterface, transaction: Transaction, name: string, columns: ModelAttributes
): Promise<void> {
  if (await schema.tableExists(name, { transaction })) throw new Error(`the table ${name} already exists`)
  await schema.createTable(name, columns, { transaction })
}
