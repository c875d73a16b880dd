import { QueryTypes, type Sequelize } from 'sequelize'

/** The database holds tables of another program. */
export class ForeignDatabaseError extends Error {
  override name = 'ForeignDatabaseError'
  readonly code = 'foreign_database'

  constructor (tables: string[]) {
    const more = tables.length > 3 ? ` and ${tables.length - 3} more` : ''
    super(`it has the tables of another program (${tables.slice(0, 3).join(', ')}${more})`)
  }
}

/** Lists the tables, without those that extensions such as PostGIS create. */
const TABLES = {
  sqlite: `SELECT name FROM sqlite_master
    WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`,
  postgres: `SELECT c.relname AS name FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY name`
}

/**
 * Checks that a database is empty or has this table of migrations. Only reads.
 *
 * @throws ForeignDatabaseError, or the database's error
 */
export async function assertOwnDatabase (sequelize: Sequelize, history: string): Promise<void> {
  const rows = await sequelize.query<{ name: string }>(
    TABLES[sequelize.getDialect() as keyof typeof TABLES], { type: QueryTypes.SELECT })
  const tables = rows.map(({ name }) => name)
  if (tables.length > 0 && !tables.includes(history)) throw new ForeignDatabaseError(tables)
}
