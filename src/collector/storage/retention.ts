/** What leaves the database when its time is over, and what a wrong clock has left in it. */
import { DAY } from '../day.js'
import type { Database } from './database.js'
import { REMEMBERED_DAYS } from './installations.js'
import { dropPartitions } from './partitions.js'

/** Rows deleted in one statement: a few milliseconds, after which the pings that wait have their turn. */
const STEP = 1000

/**
 * Deletes the pings received before a day.
 *
 * @param signal ends it after the current step
 * @returns on SQLite how many were deleted, on PostgreSQL of how many days
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

/** Deletes the installations that have been silent for so long that they count in no figure any more. */
export async function deleteSilent (db: Database, today: number): Promise<number> {
  return await db.change('DELETE FROM installations WHERE last_day < $1', [today - REMEMBERED_DAYS])
}

/** Corrects the installations that a collector with a clock ahead has heard in the future. @returns how many */
export async function correctFuture (db: Database, today: number): Promise<number> {
  // A day is not the future: at midnight another collector's clock may be ahead.
  const deleted = await db.change('DELETE FROM installations WHERE first_day > $1', [today + 1])
  return deleted + await db.change(`UPDATE installations SET last_day = ${today},
      days = CASE WHEN last_day - ${today} < ${REMEMBERED_DAYS} THEN days >> (last_day - ${today}) ELSE 0 END
    WHERE last_day > $1`, [today + 1])
}
