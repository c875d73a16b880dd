/** Partitions of `pings` by day, on PostgreSQL. They are created ahead, and dropped as a whole. */
import { DAY, dateOf, dayOfDate } from '../day.js'
import type { Database, Statements } from './database.js'

/** The number of days created ahead. Maintenance may fail, or a clock may be wrong, for this long. */
export const DAYS_AHEAD = 7

/**
 * The key of an advisory lock, an arbitrary number that nothing else on the database should use. With it, collectors
 * that start together create partitions one after the other.
 */
const PARTITION_LOCK = 7_326_190_413

/** Creates the partition of a day, in a transaction. Does nothing if it exists, or on SQLite. */
export async function createPartition (db: Statements, day: number): Promise<void> {
  if (db.kind === 'sqlite') return
  const name = partitionOf(day)
  // IF NOT EXISTS alone fails if another collector is about to create it.
  await db.query(`SELECT pg_advisory_xact_lock(${PARTITION_LOCK})`)
  await db.query(`CREATE TABLE IF NOT EXISTS ${name} PARTITION OF pings
    FOR VALUES FROM (${day * DAY}) TO (${(day + 1) * DAY})`)
  // A unique key of the whole table would have to include received_at. `storePings` finds a retry over midnight.
  await db.query(`CREATE UNIQUE INDEX IF NOT EXISTS ${name}_key ON ${name} (instance_id, idempotency_key)`)
}

/** Creates the partitions of yesterday, today and the days ahead. */
export async function openPartitions (db: Database, today: number): Promise<void> {
  if (db.kind === 'sqlite') return
  const open = new Set(await listPartitions(db))
  for (let day = today - 1; day <= today + DAYS_AHEAD; day++) {
    if (!open.has(day)) await db.transaction((statements) => createPartition(statements, day))
  }
}

/** Drops the partitions of the days before one. @returns those days */
export async function dropPartitions (db: Database, before: number): Promise<number[]> {
  const days = (await listPartitions(db)).filter((day) => day < before)
  for (const day of days) await db.query(`DROP TABLE IF EXISTS ${partitionOf(day)}`)
  return days
}

/** Lists the days that have a partition, oldest first; empty on SQLite. */
export async function listPartitions (db: Statements): Promise<number[]> {
  if (db.kind === 'sqlite') return []
  const rows = await db.query<{ name: string }>(
    "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'pings'::regclass ORDER BY 1")
  return rows.map(({ name }) => dayOfDate(name.slice('pings_'.length).replaceAll('_', '-')))
    .filter((day) => day !== undefined)
}

export const partitionOf = (day: number) => `pings_${dateOf(day).replaceAll('-', '_')}`
