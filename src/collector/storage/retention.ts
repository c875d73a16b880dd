/** Deletes old data, and corrects data that a wrong clock has left. */
import { DAY } from '../day.js'
import type { Database } from './database.js'
import { REMEMBERED_DAYS } from './installations.js'
import { dropPartitions } from './partitions.js'

/** The number of rows deleted per statement. It takes a few milliseconds; waiting pings are stored in between. */
const STEP = 1000

/**
 * Deletes the pings received before a day.
 *
 * @param signal stops after the current statement
 * @returns the number of deleted pings on SQLite, of deleted days on PostgreSQL
 */
export async function deletePings (db: Database, before: number, signal?: AbortSignal): Promise<number> {
  if (db.kind === 'postgres') return (await dropPartitions(db, before)).length
  let all = 0
  for (let deleted = STEP; deleted === STEP && !signal?.aborted;) {
    deleted = await db.change('DELETE FROM pings WHERE id IN (SELECT id FROM pings WHERE received_at < $1 LIMIT $2)',
      [before * DAY, STEP])
    all += deleted
  }
  return all
}

/** Deletes the installations that have been silent for too long to count in any figure. @returns their number */
export async function deleteSilent (db: Database, today: number): Promise<number> {
  return await db.change('DELETE FROM installations WHERE last_day < $1', [today - REMEMBERED_DAYS])
}

/** Corrects installations with days in the future, from a collector whose clock was ahead. @returns their number */
export async function correctFuture (db: Database, today: number): Promise<number> {
  // Tomorrow is allowed, because around midnight another collector's clock may be slightly ahead.
  const deleted = await db.change('DELETE FROM installations WHERE first_day > $1', [today + 1])
  return deleted + await db.change(`UPDATE installations SET last_day = ${today},
      days = CASE WHEN last_day - ${today} < ${REMEMBERED_DAYS} THEN days >> (last_day - ${today}) ELSE 0 END
    WHERE last_day > $1`, [today + 1])
}
