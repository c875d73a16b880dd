/** Fills a collector's database with installations and their pings, by the database itself: as many rows as it takes. */
import { dayOf, DAY } from '../src/collector/day.js'
import type { Database } from '../src/collector/storage/database.js'
import { createPartition, partitionOf } from '../src/collector/storage/partitions.js'

export const TODAY = dayOf(Date.now())

/** Days on which pings were sent, at most: so many does an installation remember, but for today. */
const MOST_DAYS = 62

const PROPERTIES = 'os_type, os_release, os_arch, env_nodejs, env_flowforge, platform_counts_users, ' +
  'platform_counts_teams, platform_counts_projects, platform_config_driver'
const VALUES = "'Linux', '6.1.0-18-amd64', 'x64', 'v' || (16 + n % 9) || '.' || (n % 7) || '.1', " +
  "'2.' || (n % 12) || '.0', n % 90, n % 9, n % 70, 'docker'"

const HASH = `'${'a'.repeat(64)}'`
const REST = '-0000-4000-8000-000000000000'

/** The id of the installation `n`, from 1. */
export const idOf = (n: number) => n.toString(16).padStart(8, '0') + REST

/** Each of so many installations in turn, those that follow each other far apart: as pings arrive. */
export const inTurn = (installations: number) => (n: number) => idOf((n * 7919) % installations + 1)

/** The same in SQL: an id of `n`, and the numbers from 1. */
const sqlId = ({ kind }: Database) =>
  kind === 'postgres' ? `(lpad(to_hex(n), 8, '0') || '${REST}')::uuid` : `printf('%08x', n) || '${REST}'`
const numbers = ({ kind }: Database, count: number) => kind === 'postgres'
  ? `generate_series(1, ${count}) AS numbers (n)`
  : `(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count}) SELECT n FROM numbers)`

/** Installations that were heard on each of the days before today, so many and at least two. */
export async function fillInstallations (db: Database, installations: number, days = 2): Promise<void> {
  const known = Math.min(Math.max(2, days), MOST_DAYS)
  await db.change(`INSERT INTO installations (instance_id, days, first_day, last_day, counted, leads, ${PROPERTIES})
    SELECT ${sqlId(db)}, ${2n ** BigInt(known) - 1n}, ${TODAY - known}, ${TODAY - 1}, true, true, ${VALUES}
    FROM ${numbers(db, installations)}`)
  if (db.kind === 'postgres') await db.query('VACUUM (ANALYZE) installations')
}

/** So many pings of each installation: one on each of the days before today, and from the 63rd on a second one. */
export async function fillPings (db: Database, installations: number, pings: number, withKeys: boolean): Promise<void> {
  if (db.kind === 'sqlite') return fillFile(db, installations, pings, withKeys)
  const days = Math.min(pings, MOST_DAYS)
  for (let at = 0; at < days; at++) {
    await db.transaction(async (statements) => {
      const day = TODAY - 1 - at
      // What is created in the same transaction is in no write-ahead log; and an index is made faster than it is kept.
      await statements.query(`DROP TABLE IF EXISTS ${partitionOf(day)}`)
      await createPartition(statements, day)
      await statements.query(`DROP INDEX ${partitionOf(day)}_key`)
      for (let ping = at; ping < pings; ping += days) {
        const key = withKeys ? `lpad(to_hex(n), 8, '0') || '-0000-4000-8000-${ping.toString().padStart(12, '0')}'` : 'NULL'
        await statements.change(`INSERT INTO ${partitionOf(day)} (received_at, address_hash, idempotency_key, instance_id, ${PROPERTIES})
          SELECT ${day * DAY} + (n::bigint * 7919 + ${ping}) % ${DAY}, ${HASH}, ${key}, ${sqlId(db)}, ${VALUES} FROM ${numbers(db, installations)}`)
      }
      await createPartition(statements, day)
    })
  }
}

/** In the order of the unique key, which SQLite then only appends to. */
async function fillFile (db: Database, installations: number, pings: number, withKeys: boolean): Promise<void> {
  for (const pragma of ['journal_mode = OFF', 'synchronous = OFF', 'cache_size = -1000000']) await db.query(`PRAGMA ${pragma}`)
  const [index] = await db.query<{ sql: string }>("SELECT sql FROM sqlite_master WHERE name = 'pings_by_time'")
  await db.change('DROP INDEX pings_by_time')
  const names = PROPERTIES.split(', ')
  await db.change(`CREATE TEMPORARY TABLE senders AS SELECT n, ${sqlId(db)} AS id,
    ${VALUES.split(/, (?=')|, (?=n )/).map((value, index) => `${value} AS ${names[index]}`).join(', ')} FROM ${numbers(db, installations)}`)
  const day = `(${TODAY} - 1 - ping % ${Math.min(pings, MOST_DAYS)})`
  await db.change(`INSERT INTO pings (received_at, address_hash, idempotency_key, instance_id, ${PROPERTIES})
    SELECT ${day} * ${DAY} + (senders.n * 7919 + ping) % ${DAY}, ${HASH},
      ${withKeys ? "printf('%08x-0000-4000-8000-%012d', senders.n, ping)" : 'NULL'}, id, ${PROPERTIES}
    FROM senders CROSS JOIN (SELECT n - 1 AS ping FROM ${numbers(db, pings)})`)
  await db.change('DROP TABLE senders')
  await db.change(index!.sql)
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'cache_size = -2000']) await db.query(`PRAGMA ${pragma}`)
}

/** A year of figures, each day's those of the day that was counted. */
export async function copyFigures (db: Database): Promise<void> {
  await db.change(`INSERT INTO daily SELECT ${TODAY - 1} - n, figure, bucket, value
    FROM daily, ${numbers(db, 364)} WHERE day = ${TODAY - 1}`)
}

/** Bytes of a database on the disk. */
export async function sizeOf (db: Database): Promise<number> {
  const [row] = await db.query<{ bytes: string | number }>(db.kind === 'postgres'
    ? 'SELECT pg_database_size(current_database()) AS bytes'
    : 'SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size')
  return Number(row!.bytes)
}
