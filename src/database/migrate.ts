import { QueryTypes, type ModelAttributes, type QueryInterface, type Sequelize, type Transaction } from 'sequelize'
import { withTransaction } from './transaction.js'

/** One step of a schema's history. A step that has been released is never edited; a new one follows it. */
export interface Migration {
  name: string
  /** Every statement must be given the transaction. */
  up: (schema: QueryInterface, transaction: Transaction) => Promise<void>
}

/** Any number that nothing else on the database uses: replicas that start together queue up behind it. */
const MIGRATION_LOCK = 7_326_190_411

/**
 * Runs the migrations that have not run yet, all or none, in one transaction. Several replicas may start at once on one
 * database: the first migrates, the others wait and find nothing left to do.
 *
 * @param history the table that lists the migrations that have run; each owner of tables keeps its own
 * @throws the database's error, or the migration's; then nothing has changed
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
 * @throws when a table of that name exists: it belongs to somebody else, and Sequelize would silently use it
 */
export async function createTable (
  schema: QueryInterface, transaction: Transaction, name: string, columns: ModelAttributes
): Promise<void> {
  if (await schema.tableExists(name, { transaction })) throw new Error(`the table ${name} already exists`)
  await schema.createTable(name, columns, { transaction })
}
