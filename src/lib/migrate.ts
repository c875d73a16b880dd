import type { QueryInterface, Sequelize } from 'sequelize'
import { SequelizeStorage, Umzug } from 'umzug'

/** One step of a schema's history. A step that has been released is never edited; a new one follows it. */
export interface Migration {
  name: string
  up: (schema: QueryInterface) => Promise<void>
}

/** Any number that nothing else on the database uses: replicas that start together queue up behind it. */
const MIGRATION_LOCK = 7_326_190_411

/**
 * Brings the tables of one owner up to date; safe when several replicas start at once on one PostgreSQL.
 *
 * @param history the table that remembers which migrations have run: each owner keeps its own
 */
export async function migrate (sequelize: Sequelize, history: string, migrations: Migration[]): Promise<void> {
  const umzug = new Umzug({
    migrations: migrations.map(({ name, up }) => ({ name, up: (params: { context: QueryInterface }) => up(params.context) })),
    context: sequelize.getQueryInterface(),
    storage: new SequelizeStorage({ sequelize, tableName: history, modelName: history }),
    logger: undefined
  })
  if (sequelize.getDialect() !== 'postgres') {
    await umzug.up()
    return
  }
  await sequelize.transaction(async (transaction) => {
    await sequelize.query(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`, { transaction })
    await umzug.up()
  })
}
