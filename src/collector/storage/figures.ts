/**
 * Counts the figures of a day that is over, from `installations` alone, and keeps them in `daily`: only what may be
 * published, so that nobody who reads the database learns more than the reader of the report.
 */
import { DAY } from '../day.js'
import { pingColumns } from './columns.js'
import type { Database, Statements } from './database.js'
import { ALL_DAYS, REMEMBERED_DAYS } from './installations.js'
import { foldBuckets, roundCount, roundTotal, SMALLEST, type Bucket, type CountedBucket } from './rounding.js'

export interface Figure extends Bucket {
  figure: string
}

/** The properties whose values are counted by name, and those that are counted in ranges and summed up. */
export const NAMED_COLUMNS = ['env_flowforge', 'env_nodejs', 'os_type', 'os_arch', 'platform_config_driver'] as const
export const COUNTED_COLUMNS = ['platform_counts_users', 'platform_counts_teams', 'platform_counts_projects'] as const

const RANGES: Array<[from: number, to: number]> = [
  [0, 0], [1, 1], [2, 5], [6, 10], [11, 25], [26, 50], [51, 100], [101, 500], [501, 2 ** 31 - 1]
]

/** The names of the ranges, in their order. */
export const RANGE_NAMES = RANGES.map(([from, to]) => {
  if (from === to) return String(from)
  return to > 2 ** 30 ? `${from} or more` : `${from}–${to}`
})

/** The name of an absent property. */
export const NOT_REPORTED = 'not reported'

/** An installation is active in the month that ends with the day, the week, and the day. */
const WINDOWS = { day: 1, week: 7, month: 30 }

/** At most so many buckets of one figure are kept, the largest, so that the table grows by as much every day. */
const MOST_BUCKETS = 30

const properties = pingColumns.map(({ name }) => name).filter((name) => name !== 'instance_id')

/** SQL of the days on which an installation was heard: bit k for k days before `day`. */
const heardBy = (day: number) => `CASE WHEN ABS(last_day - ${day}) >= ${REMEMBERED_DAYS} THEN 0
    WHEN last_day >= ${day} THEN days >> (last_day - ${day}) ELSE (days << (${day} - last_day)) & ${ALL_DAYS} END`

/** SQL that is true for an installation that had been heard on two different days `ago` days ago: after its first day. */
const isSettled = (day: number, ago = 0) => {
  const age = `${day - ago} - first_day`
  return `(heard >> ${ago}) &
    ((CAST(1 AS BIGINT) << (CASE WHEN ${age} < 0 THEN 0 WHEN ${age} > 62 THEN 62 ELSE ${age} END)) - 1) <> 0`
}

const isHeard = (days: number, ago = 0) => `(heard >> ${ago}) & ${2 ** days - 1} <> 0`

/** The newest ping by `day` of an installation that has been heard since: its row has newer properties by now. */
const pastPing = (db: Statements, day: number) => {
  const ping = `FROM pings WHERE i.last_day > ${day} AND pings.instance_id = i.instance_id
      AND received_at >= ${(day + 1 - WINDOWS.month) * DAY} AND received_at < ${(day + 1) * DAY}
      ORDER BY received_at DESC`
  return db.kind === 'postgres'
    ? `LEFT JOIN LATERAL (SELECT * ${ping} LIMIT 1) AS past ON true`
    : `LEFT JOIN pings AS past ON past.id = (SELECT id ${ping}, id DESC LIMIT 1)`
}

const ofThatDay = (name: string) =>
  `CASE WHEN past.instance_id IS NULL THEN i.${name} ELSE past.${name} END AS ${name}`

/** Installations that count for a day: settled, let in, and active in the month; with their properties of that day. */
const selectSettled = (db: Statements, day: number) => `
  SELECT leads, ${isHeard(WINDOWS.day)} AS in_day, ${isHeard(WINDOWS.week)} AS in_week,
    ${isHeard(WINDOWS.week, 7)} AS in_week_before, ${isSettled(day, 7)} AS was_settled,
    ${properties.map(ofThatDay).join(', ')}
  FROM (SELECT *, ${heardBy(day)} AS heard FROM installations WHERE counted AND first_day < ${day}) AS i
    ${pastPing(db, day)}
  WHERE ${isHeard(WINDOWS.month)} AND ${isSettled(day)}`

const ACTIVITY = `SELECT COUNT(*) FILTER (WHERE in_day) AS day, COUNT(*) FILTER (WHERE in_week) AS week, COUNT(*) AS month,
    COUNT(*) FILTER (WHERE NOT was_settled) AS "new",
    COUNT(*) FILTER (WHERE was_settled AND in_week AND NOT in_week_before) AS "returning",
    COUNT(*) FILTER (WHERE was_settled AND in_week_before AND NOT in_week) AS lost
  FROM settled`

/**
 * Counts a day, and keeps its figures. Does nothing if they are there.
 *
 * @param newPerAddress new installations of one address that count, each day
 */
export async function finishDay (db: Statements, day: number, newPerAddress: number): Promise<void> {
  const [known] = await db.query('SELECT 1 FROM daily WHERE day = $1 LIMIT 1', [day])
  if (known) return
  await admitInstallations(db, day, newPerAddress)
  await db.change('DROP TABLE IF EXISTS settled')
  await db.change(`CREATE TEMPORARY TABLE settled AS ${selectSettled(db, day)}`)
  const figures = [...await countActivity(db)]
  for (const column of NAMED_COLUMNS) figures.push(...await countNames(db, column))
  for (const column of COUNTED_COLUMNS) {
    figures.push(...await countRanges(db, column), ...await sumUp(db, column, newPerAddress))
  }
  await keepFigures(db, day, figures)
  await db.change('DROP TABLE settled')
}

/**
 * Decides which of the installations that were new until `day` count: of each network so many a day, and the first of
 * them `leads`. Their network's hash is kept a day longer, for pings that were received by midnight and stored after it.
 */
async function admitInstallations (db: Statements, day: number, newPerAddress: number): Promise<void> {
  await db.change(`UPDATE installations SET counted = place <= ${newPerAddress}, leads = place = 1 FROM (
      SELECT instance_id AS id, ROW_NUMBER() OVER (
        PARTITION BY introduced_by ORDER BY CASE WHEN counted THEN 0 ELSE 1 END, instance_id) AS place
      FROM installations WHERE introduced_by IS NOT NULL AND first_day <= ${day}) AS introduced
    WHERE instance_id = id AND counted IS NULL`)
  await db.change(`UPDATE installations SET introduced_by = NULL
    WHERE introduced_by IS NOT NULL AND first_day < ${day}`)
}

async function countActivity (db: Statements): Promise<Figure[]> {
  const [row] = await db.query<Record<string, number | string>>(ACTIVITY)
  const figure = (name: string, buckets: string[]) =>
    buckets.map((bucket) => ({ figure: name, bucket, value: roundCount(Number(row![bucket])) }))
  return [...figure('active', Object.keys(WINDOWS)), ...figure('change', ['new', 'returning', 'lost'])]
}

async function countNames (db: Statements, column: string): Promise<Figure[]> {
  return foldFigure(column, await countBuckets(db, `COALESCE(${column}, '${NOT_REPORTED}')`))
}

async function countRanges (db: Statements, column: string): Promise<Figure[]> {
  const ranges = RANGES.map(([, to], index) => `WHEN ${column} <= ${to} THEN '${RANGE_NAMES[index]}'`)
  return foldFigure(column, await countBuckets(db, `CASE ${ranges.join(' ')} ELSE '${NOT_REPORTED}' END`))
}

async function countBuckets (db: Statements, name: string): Promise<CountedBucket[]> {
  const rows = await db.query<{ bucket: string, value: number | string, senders: number | string }>(
    `SELECT ${name} AS bucket, COUNT(*) AS value, COUNT(*) FILTER (WHERE leads) AS senders FROM settled GROUP BY 1`)
  return rows.map(({ bucket, value, senders }) => ({ bucket, value: Number(value), senders: Number(senders) }))
}

const foldFigure = (figure: string, buckets: CountedBucket[]): Figure[] =>
  foldBuckets(buckets, MOST_BUCKETS).map(({ bucket, value }) => ({ figure, bucket, value: roundCount(value) }))

/** The share of the leading installations whose counts a sum takes as that of the next smaller one. */
const CLIPPED = 0.05

/**
 * Sums a count up so that no sender moves it much, whatever it claims. Of the installations that lead, the largest 5 % and
 * at least 4 count as the next smaller one. Those that came from the same address as one that leads may be invented:
 * they count as the median of those that lead at most.
 *
 * There is no sum of fewer than one address can bring in on a day, and 5.
 */
async function sumUp (db: Statements, column: string, newPerAddress: number): Promise<Figure[]> {
  const [known] = await db.query<Record<'all' | 'leading', number | string>>(
    `SELECT COUNT(*) AS "all", COUNT(*) FILTER (WHERE leads) AS leading FROM settled WHERE ${column} IS NOT NULL`)
  const leading = Number(known!.leading)
  if (Number(known!.all) < newPerAddress + SMALLEST || leading < SMALLEST) return []
  const rank = Math.max(SMALLEST, Math.ceil(CLIPPED * leading))
  const most = await countAt(db, column, rank)
  const mostOfOthers = await countAt(db, column, Math.max(rank, Math.ceil(leading / 2)))
  const limit = `CASE WHEN leads THEN ${most} ELSE ${mostOfOthers} END`
  const [sum] = await db.query<{ value: number | string }>(
    `SELECT SUM(CAST(CASE WHEN ${column} > ${limit} THEN ${limit} ELSE ${column} END AS BIGINT)) AS value FROM settled`)
  return [{ figure: 'total', bucket: column, value: roundTotal(Number(sum!.value), most) }]
}

/** Reads the count at a rank, 1 for the largest, among the installations that lead. */
async function countAt (db: Statements, column: string, rank: number): Promise<number> {
  const [row] = await db.query<{ value: number }>(`SELECT ${column} AS value FROM settled
    WHERE leads AND ${column} IS NOT NULL ORDER BY 1 DESC LIMIT 1 OFFSET ${rank - 1}`)
  return row!.value
}

/** In one statement, so that a day has all of its figures or none. */
async function keepFigures (db: Statements, day: number, figures: Figure[]): Promise<void> {
  const list = JSON.stringify(figures.map(({ figure, bucket, value }) => [figure, bucket, value]))
  const rows = db.kind === 'postgres'
    ? 'SELECT value ->> 0, value ->> 1, (value ->> 2)::bigint FROM jsonb_array_elements($1::jsonb) AS list (value)'
    : 'SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($1)'
  await db.change(`INSERT INTO daily (day, figure, bucket, value) ${rows.replace('SELECT', `SELECT ${day},`)} WHERE true
    ON CONFLICT DO NOTHING`, [list])
}

/** Counts the days that are over and not yet counted, the oldest first. @returns how many there were */
export async function finishDays (
  db: Database, today: number, newPerAddress: number, signal?: AbortSignal
): Promise<number> {
  const first = await nextDay(db, today)
  let day = first
  for (; day < today && !signal?.aborted; day++) {
    // On SQLite each statement by itself: a transaction would hold the write lock for as long as the counting takes.
    if (db.kind === 'sqlite') await finishDay(db, day, newPerAddress)
    else await finishOnPostgres(db, day, newPerAddress)
  }
  return day - first
}

async function finishOnPostgres (db: Database, day: number, newPerAddress: number): Promise<void> {
  await db.transaction(async (statements) => {
    // These may be sending just now: repeatable read would fail at the first row that has changed meanwhile.
    await statements.query('SET TRANSACTION ISOLATION LEVEL READ COMMITTED')
    await admitInstallations(statements, day, newPerAddress)
  })
  await db.transaction((statements) => finishDay(statements, day, newPerAddress))
}

/** The day after the newest whose figures are known; without any, the first day of an installation. */
export async function nextDay (db: Statements, today: number): Promise<number> {
  const [row] = await db.query<{ newest: number | null, first: number | null }>(
    'SELECT (SELECT MAX(day) FROM daily) AS newest, (SELECT MIN(first_day) FROM installations) AS first')
  if (row!.newest !== null) return row!.newest + 1
  return row!.first === null ? today : Math.max(row!.first, today - REMEMBERED_DAYS)
}
