import { migrate } from '../../database/migrate.js'
import { openDatabase } from '../../database/open.js'
import { dayOf } from '../day.js'
import { connect } from './connect.js'
import { readDatabaseClock, type Database, type Purpose } from './database.js'
import { migrations } from './migrations.js'
import { openPartitions } from './partitions.js'
import { parsePostgresUrl } from './postgres.js'

/** The table that lists the migrations that have run; a database without it is not the collector's. */
const HISTORY = 'collector_migrations'

/**
 * Opens the collector's database and brings its tables up to date.
 *
 * @param url `sqlite:FILE` or `postgres://...`
 * @param today pings of the days around it can be stored; without it, the day of the database's clock: a collector
 *   whose own clock is wrong makes no room for its pings
 * @throws Sequelize's or the driver's error when the database does not answer
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
