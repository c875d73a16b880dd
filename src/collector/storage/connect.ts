import type { Database, Purpose } from './database.js'
import { openPostgres } from './postgres.js'
import { openSqlite } from './sqlite.js'

/**
 * Opens a database that has been migrated already.
 *
 * @param url `sqlite:FILE` or `postgres://...`
 * @throws the database's error if it does not answer
 */
export function connect (url: string, purpose: Purpose = 'report'): Promise<Database> {
  return url.startsWith('sqlite:') ? openSqlite(url.slice('sqlite:'.length)) : openPostgres(url, purpose)
}
