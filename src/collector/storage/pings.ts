import { DAY, dayOf } from '../day.js'
import { columns, positionOf, sqlType, type Row } from './columns.js'
import { codeOf, type Database, type Statements } from './database.js'
import { noteAtInstallations } from './installations.js'

/** A ping to store. */
export interface Arrival {
  row: Row
  /** `request.networkHash`, by which new installations are limited. */
  networkHash: string
}

const RECEIVED_AT = positionOf('received_at')
const INSTANCE = positionOf('instance_id')
const KEY = positionOf('idempotency_key')

const names = columns.map(({ name }) => name).join(', ')

/**
 * SQL that checks whether a ping is new: its installation has not sent its key on this day or the day before (on
 * SQLite, ever). A subquery per row, because PostgreSQL would plan NOT EXISTS as a join over a whole partition.
 */
const IS_NEW = `(SELECT 1 FROM pings AS known WHERE known.instance_id = incoming.instance_id
    AND known.idempotency_key = incoming.idempotency_key
    AND known.received_at >= $2 AND known.received_at < $3 LIMIT 1) IS NULL`

/** Builds SQL that reads the rows from one JSON parameter, so that one statement fits batches of any size. */
const incoming = (value: (index: number, type: string) => string, list: string) => `incoming AS (
    SELECT ${columns.map((column, index) => `${value(index, sqlType(column))} AS ${column.name}`).join(', ')},
      ${value(columns.length, 'text')} AS network_hash, ${value(columns.length + 1, 'integer')} AS day
    FROM ${list})`

const POSTGRES_INCOMING = incoming((index, type) => `(value ->> ${index})::${type}`,
  'jsonb_array_elements($1::jsonb) AS list (value)')

const POSTGRES = `WITH ${POSTGRES_INCOMING},
  stored AS (
    INSERT INTO pings (${names}) SELECT ${names} FROM incoming WHERE idempotency_key IS NULL OR ${IS_NEW}
    RETURNING instance_id AS stored_id),
  noted AS (${noteAtInstallations('incoming JOIN stored ON stored_id = instance_id')})
  SELECT stored_id FROM stored`

const SQLITE_INCOMING = incoming((index) => `value ->> ${index}`, 'json_each($1)')

const SQLITE_STORE = `WITH ${SQLITE_INCOMING} INSERT INTO pings (${names}) SELECT ${names} FROM incoming WHERE true
  ON CONFLICT DO NOTHING RETURNING instance_id AS stored_id`

const SQLITE_NOTE = `WITH ${SQLITE_INCOMING} ${noteAtInstallations(
  '(SELECT * FROM incoming WHERE instance_id IN (SELECT value FROM json_each($2))) AS stored')}`

/**
 * Stores pings and updates their installations, in one transaction.
 *
 * @param arrivals at most one per installation
 * @returns the stored row of each ping: its own, or the one that its installation sent first with the same key
 * @throws the database's error; then nothing is stored
 */
export async function storePings (db: Database, arrivals: Arrival[]): Promise<Row[]> {
  // Sorted, so that two collectors lock the same installations in the same order, without a deadlock.
  const sorted = arrivals.toSorted((a, b) => String(a.row[INSTANCE]) < String(b.row[INSTANCE]) ? -1 : 1)
  const list = JSON.stringify(sorted.map(({ row, networkHash }) => (
    [...row, networkHash, dayOf(Number(row[RECEIVED_AT]))])))
  const stored = db.kind === 'postgres'
    ? await storeInPostgres(db, list, periodOf(arrivals))
    : await storeInSqlite(db, list)
  if (stored.length === arrivals.length) return arrivals.map(({ row }) => row)
  return await Promise.all(arrivals.map(async ({ row }) =>
    stored.includes(String(row[INSTANCE])) ? row : await findByKey(db, row) ?? row))
}

/** Returns the period in which the keys of these pings are looked up, in milliseconds since 1970, without its end. */
function periodOf (arrivals: Arrival[]): [from: number, to: number] {
  const days = arrivals.map(({ row }) => dayOf(Number(row[RECEIVED_AT])))
  return [(Math.min(...days) - 1) * DAY, (Math.max(...days) + 1) * DAY]
}

/** @returns the ids of the installations whose ping was new */
async function storeInPostgres (db: Statements, list: string, period: [number, number]): Promise<string[]> {
  const rows = await db.query<{ stored_id: string }>(POSTGRES, [list, ...period], 'store-pings')
  return rows.map(({ stored_id: id }) => id)
}

async function storeInSqlite (db: Database, list: string): Promise<string[]> {
  return await db.transaction(async (statements) => {
    const rows = await statements.query<{ stored_id: string }>(SQLITE_STORE, [list])
    const stored = rows.map(({ stored_id: id }) => id)
    if (stored.length > 0) await statements.change(SQLITE_NOTE, [list, JSON.stringify(stored)])
    return stored
  })
}

async function findByKey (db: Statements, row: Row): Promise<Row | undefined> {
  const [found] = await db.query<Record<string, Row[number]>>(
    `SELECT ${names} FROM pings WHERE instance_id = $1 AND idempotency_key = $2 ORDER BY received_at DESC LIMIT 1`,
    [row[INSTANCE], row[KEY]])
  return found && columns.map(({ name }) => found[name]!)
}

/**
 * Checks whether a value of the ping has caused an error: a character that the database's encoding lacks, or a value
 * that does not fit its type. All others, such as a missing partition or a full disk, are the collector's own.
 */
export function isFaultOfPing (error: unknown): boolean {
  return ['22001', '22003', '22021', '22P02', '22P05', 'SQLITE_TOOBIG'].includes(codeOf(error))
}
