/** Reads and deletes everything that is kept of one installation. */
import { dateOf } from '../day.js'
import { columns, pingColumns, receiptOf, type Receipt } from './columns.js'
import type { Database } from './database.js'
import { REMEMBERED_DAYS } from './installations.js'

/** The limit of pings in an answer, because an id that many cloned machines share can have millions. */
export const MOST_PINGS = 1000

export interface Held {
  /** Null if the installation is unknown. */
  installation: {
    /** Dates, UTC. */
    firstDay: string
    lastDay: string
    /** The days on which it was heard, newest first. */
    heardOn: string[]
    /** Whether it counts in figures: null until its first day is over. */
    counted: boolean | null
    /** Whether it is the first installation that its network added on its first day. */
    leads: boolean | null
    /** The properties of its newest ping, by their path. */
    newest: Record<string, string | number | null>
  } | null
  /** The number of raw pings that are kept. */
  pingsKept: number
  /** Up to 1,000 of them, newest first. */
  pings: Receipt[]
}

interface InstallationRow extends Record<string, unknown> {
  first_day: number
  last_day: number
  days: string | number
  counted: boolean | number | null
  leads: boolean | number | null
}

/** Reads everything that is kept of an installation. */
export async function readHeld (db: Database, instanceId: string): Promise<Held> {
  // Reads the bitmap as text, because a JavaScript number cannot hold 63 bits.
  const [row] = await db.query<InstallationRow>(`SELECT first_day, last_day, CAST(days AS TEXT) AS days, counted, leads,
    ${pingColumns.map(({ name }) => name).join(', ')} FROM installations WHERE instance_id = $1`, [instanceId])
  const [count] = await db.query<{ pings: number | string }>(
    'SELECT COUNT(*) AS pings FROM pings WHERE instance_id = $1', [instanceId])
  const pings = await db.query<Record<string, string | number | null>>(
    `SELECT * FROM pings WHERE instance_id = $1 ORDER BY received_at DESC LIMIT ${MOST_PINGS}`, [instanceId])
  return {
    installation: row ? describeInstallation(row) : null,
    pingsKept: Number(count!.pings),
    pings: pings.map((ping) => receiptOf(columns.map(({ name }) => ping[name]!)))
  }
}

function describeInstallation (row: InstallationRow): Held['installation'] {
  const bits = BigInt(row.days)
  const heard = Array.from({ length: REMEMBERED_DAYS }, (_, ago) => ago).filter((ago) => (bits >> BigInt(ago)) & 1n)
  return {
    firstDay: dateOf(row.first_day),
    lastDay: dateOf(row.last_day),
    heardOn: heard.map((ago) => dateOf(row.last_day - ago)),
    counted: row.counted === null ? null : Boolean(row.counted),
    leads: row.leads === null ? null : Boolean(row.leads),
    newest: Object.fromEntries(pingColumns.map(({ name, path }) => (
      [path.join('.'), row[name] as string | number | null])))
  }
}

/** Deletes everything that is kept of an installation. @returns the numbers of deleted rows */
export async function forgetInstallation (
  db: Database, instanceId: string
): Promise<{ installations: number, pings: number }> {
  const forgotten = await db.transaction(async (statements) => {
    // Deletes this row first, because its lock excludes a ping of this installation that is being stored.
    const installations = await statements.change('DELETE FROM installations WHERE instance_id = $1', [instanceId])
    return { installations, pings: await statements.change('DELETE FROM pings WHERE instance_id = $1', [instanceId]) }
  })
  // SQLite keeps deleted rows in its log until the log is overwritten.
  if (db.kind === 'sqlite') await db.query('PRAGMA wal_checkpoint(TRUNCATE)')
  return forgotten
}
