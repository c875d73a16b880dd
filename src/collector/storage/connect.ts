import type { Database, Purpose } from './database.js'
import { openPostgres } from './postgres.js'
import { openSqlite } from './sqlite.js'

/**
 * Opens a database that is up to date.
 *
 * @param url `sqlite:FILE` or `postgres://...`
 * @throws when the database does not answer
 */
export function connect (url: string, purpose: Purpose = 'report'): Promise<Database> {
  return url.startsWith('sqlite:') ? openSqlite(url.slice('sqlite:'.length)) : openPostgres(url, purpose)
}
