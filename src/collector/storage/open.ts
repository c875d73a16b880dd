import { migrate } from '../../database/migrate.js'
import { openDatabase } from '../../database/open.js'
import { dayOf } from '../day.js'
import { connect } from './connect.js'
import { readDatabaseClock, type Database, type Purpose } from './database.js'
import { migrations } from './migrations.js'
import { openPartitions } from './partitions.js'
import { parsePostgresUrl } from './postgres.js'

/** The table that lists the migrations that have run. A database without it does not belong to the collector. */
const HISTORY = 'collector_migrations'

/**
 * Opens the collector's database, migrates it, and creates the partitions around today.
 *
 * @param url `sqlite:FILE` or `postgres://...`
 * @param today defaults to the day of the database's clock, because this machine's clock may be wrong
 * @throws Sequelize's or the driver's error if the database does not answer
 */
export async function openCollectorDatabase (
  url: string, today?: number, purpose: Purpose = 'intake'
): Promise<Database> {
  const sequelize = await openDatabase(url.startsWith('sqlite:')
    ? { type: 'sqlite', storage: url.slice('sqlite:'.length) }
    : parsePostgresUrl(url), {}, HISTORY)
  try {
    await migrate(sequelize, HISTORY, migrations)
  } finally {
    await sequelize.close()
  }
  const db = await connect(url, purpose)
  await openPartitions(db, today ?? dayOf(await readDatabaseClock(db)))
  return db
}
