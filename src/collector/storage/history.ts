/**
 * Counts the pings that release 0.2.0 stored, once, day by day, oldest first. Each day is one transaction, so that
 * counting can be stopped at any time and continues with the next day.
 */
import { DAY, dayOf } from '../day.js'
import { pingColumns, receiptColumns } from './columns.js'
import { withRetry, type Database, type Statements } from './database.js'
import { finishDay } from './figures.js'
import { noteAtInstallations, REMEMBERED_DAYS } from './installations.js'
import { HISTORY, releasedColumns } from './migrations.js'
import { createPartition } from './partitions.js'

export interface ReplayOptions {
  today: number
  newPerAddress: number
  /** Raw pings older than this are counted, but not kept. */
  retentionDays: number
  signal: AbortSignal
  /** Called after each day with the number of days left. */
  onDay: (left: number) => void
}

const historyColumns = [...receiptColumns, ...releasedColumns].map(({ name }) => name).join(', ')

/** SQL for the properties that were added to the ping after 0.2.0. */
const later = pingColumns.filter((column) => !releasedColumns.includes(column))
  .map(({ name }) => `NULL AS ${name}, `).join('')

/** Checks whether pings of release 0.2.0 wait to be counted. */
export async function hasHistory (db: Statements): Promise<boolean> {
  const [found] = await db.query(db.kind === 'postgres'
    ? "SELECT 1 FROM pg_class WHERE oid = to_regclass('history')"
    : "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'history'")
  return found !== undefined
}

/** Returns the number of days that are left to be counted, at least 1; 0 if there is no history. */
export async function historyDaysLeft (db: Statements, today: number): Promise<number> {
  if (!await hasHistory(db)) return 0
  const [row] = await db.query<{ next: number }>('SELECT next_day AS next FROM history')
  return Math.max(1, today - row!.next)
}

/** Counts the history. Resolves when it is counted, by this collector or another, or when the signal is aborted. */
export async function replayHistory (db: Database, options: ReplayOptions): Promise<void> {
  if (!await hasHistory(db)) return
  await db.change(`CREATE INDEX IF NOT EXISTS ${HISTORY}_by_time ON ${HISTORY} (received_at)`)
  let left = Infinity
  while (left > 0 && !options.signal.aborted) {
    // The table is missing if another collector finished after the check.
    left = await withRetry(() => db.transaction(async (statements) =>
      await hasHistory(statements) ? await replayNext(statements, options) : 0), (code) => code === '42P01')
    options.onDay(left)
  }
}

/** Counts the next day. @returns the number of days left */
async function replayNext (db: Statements, options: ReplayOptions): Promise<number> {
  // If two collectors count at the same time, this fails for one of them, which retries with the next day.
  const [row] = await db.query<{ day: number }>(
    'UPDATE history SET next_day = next_day + 1 RETURNING next_day - 1 AS day')
  const day = await skipYears(db, row!.day)
  if (day <= options.today) await replayDay(db, day, options)
  if (day < options.today) return options.today - day
  // The remaining pings were received in the future: either a clock was wrong then, or this one is wrong now.
  if (await isMostlyAfter(db, day)) {
    throw new ClockBehindError('many pings of the older release are later than the clock')
  }
  await db.change(`DROP TABLE ${HISTORY}`)
  await db.change('DROP TABLE history')
  return 0
}

/** A longer gap without pings is skipped: a clock at 1970 has left pings, and none in the years after. */
const MOST_EMPTY_DAYS = 365

/** Returns the day, or the day of the next ping if that is more than a year away. */
async function skipYears (db: Statements, day: number): Promise<number> {
  const [row] = await db.query<{ next: number | string | null }>(
    `SELECT MIN(received_at) AS next FROM ${HISTORY} WHERE received_at >= ${(day - REMEMBERED_DAYS) * DAY}`)
  const next = row!.next === null ? day : dayOf(Number(row!.next))
  if (next - day <= MOST_EMPTY_DAYS) return day
  await db.change('UPDATE history SET next_day = $1', [next + 1])
  return next
}

/** Checks whether more than one ping in a hundred was received after a day. */
async function isMostlyAfter (db: Statements, day: number): Promise<boolean> {
  const [row] = await db.query<{ later: number | string, all: number | string }>(
    `SELECT COUNT(*) FILTER (WHERE received_at >= ${(day + 1) * DAY}) AS later, COUNT(*) AS "all" FROM ${HISTORY}`)
  return Number(row!.later) * 100 > Number(row!.all)
}

class ClockBehindError extends Error {
  override name = 'ClockBehindError'
  readonly code = 'clock_behind'
}

async function replayDay (db: Statements, day: number, options: ReplayOptions): Promise<void> {
  const { today, newPerAddress, retentionDays } = options
  const period = `received_at >= ${day * DAY} AND received_at < ${(day + 1) * DAY} AND instance_id IS NOT NULL`
  if (day > today - retentionDays) {
    await createPartition(db, day)
    await db.change(`INSERT INTO pings (${historyColumns})
      SELECT ${historyColumns} FROM ${HISTORY} WHERE ${period} ORDER BY id`)
  }
  await db.change(noteAtInstallations(`(SELECT *, ${later}address_hash AS network_hash, ${day} AS day FROM (
      SELECT *, ROW_NUMBER() OVER (PARTITION BY instance_id ORDER BY received_at DESC, id DESC) AS place
      FROM ${HISTORY} WHERE ${period}) AS ranked WHERE place = 1) AS heard`))
  if (day < today) await finishDay(db, day, newPerAddress)
}
