import { QueryTypes, Transaction, type QueryInterface, type Sequelize } from 'sequelize'
import { Umzug, type UmzugStorage } from 'umzug'
import { transact } from './transaction.js'

/** One step of a schema's history. A step that has been released is never edited; a new one follows it. */
export interface Migration {
  name: string
  up: (schema: QueryInterface) => Promise<void>
}

/** Any number that nothing else on the database uses: replicas that start together queue up behind it. */
const MIGRATION_LOCK = 7_326_190_411

/**
 * Brings the tables of one owner up to date, all or nothing, in one transaction that holds all others off: several
 * replicas may start at once on one database.
 *
 * @param history the table that remembers which migrations have run: each owner keeps its own
 */
export async function migrate (sequelize: Sequelize, history: string, migrations: Migration[]): Promise<void> {
  await transact(sequelize, Transaction.TYPES.IMMEDIATE, async (transaction) => {
    const schema = schemaWithin(transaction, sequelize)
    if (sequelize.getDialect() === 'postgres') {
      await schema.sequelize.query(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`)
    }
    const table = schema.quoteIdentifier(history)
    await sequelize.query(`CREATE TABLE IF NOT EXISTS ${table} (name VARCHAR(255) PRIMARY KEY)`, { transaction })
    await new Umzug({
      migrations: migrations.map(({ name, up }) => ({ name, up: (params: { context: QueryInterface }) => up(params.context) })),
      context: schema,
      storage: storageIn(history),
      logger: undefined
    }).up()
  })
}

/**
 * The query interface, with every statement of it inside the transaction. Where it makes a table, the table is new: one
 * of that name that is there already is somebody else's, and an error, though Sequelize would pass it over.
 */
function schemaWithin (transaction: Transaction, sequelize: Sequelize): QueryInterface {
  const query = (sql: string, options?: object) => (
    sequelize.query(sql.replace(/^CREATE TABLE IF NOT EXISTS/, 'CREATE TABLE'), { ...options, transaction }))
  const bound = Object.create(sequelize, { query: { value: query } })
  return Object.create(sequelize.getQueryInterface(), { sequelize: { value: bound } })
}

function storageIn (history: string): UmzugStorage<QueryInterface> {
  return {
    async executed ({ context: schema }) {
      const table = schema.quoteIdentifier(history)
      const rows = await schema.sequelize.query<{ name: string }>(`SELECT name FROM ${table}`, { type: QueryTypes.SELECT })
      return rows.map(({ name }) => name)
    },
    async logMigration ({ name, context: schema }) {
      await schema.bulkInsert(history, [{ name }])
    },
    async unlogMigration () {
      throw new Error('a migration is not taken back')
    }
  }
}
