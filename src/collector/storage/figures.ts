/**
 * Counts the figures of a finished day, from `installations`, and stores them in `daily`. Stores only figures that may
 * be published, so that `daily` reveals no more than the report.
 */
import { DAY } from '../day.js'
import { pingColumns } from './columns.js'
import type { Database, Statements } from './database.js'
import { ALL_DAYS, REMEMBERED_DAYS } from './installations.js'
import { foldBuckets, roundCount, roundTotal, SMALLEST, type Bucket, type CountedBucket } from './rounding.js'

export interface Figure extends Bucket {
  figure: string
}

/** Properties whose values are counted by name. */
export const NAMED_COLUMNS = ['env_flowforge', 'env_nodejs', 'os_type', 'os_arch', 'platform_config_driver'] as const
/** Properties that are counted in ranges, and summed up. */
export const COUNTED_COLUMNS = ['platform_counts_users', 'platform_counts_teams', 'platform_counts_projects'] as const

const RANGES: Array<[from: number, to: number]> = [
  [0, 0], [1, 1], [2, 5], [6, 10], [11, 25], [26, 50], [51, 100], [101, 500], [501, 2 ** 31 - 1]
]

/** The names of the ranges, in their order. */
export const RANGE_NAMES = RANGES.map(([from, to]) => {
  if (from === to) return String(from)
  return to > 2 ** 30 ? `${from} or more` : `${from}–${to}`
})

/** The bucket of installations that do not report a property. */
export const NOT_REPORTED = 'not reported'

/** The periods, in days, in which an installation must be heard to be active. Each ends with the counted day. */
const WINDOWS = { day: 1, week: 7, month: 30 }

/** The limit of buckets per figure, which bounds the growth of the table. The largest are kept. */
const MOST_BUCKETS = 30

const properties = pingColumns.map(({ name }) => name).filter((name) => name !== 'instance_id')

/** Builds SQL for the days on which an installation was heard: bit k is set for k days before `day`. */
const heardBy = (day: number) => `CASE WHEN ABS(last_day - ${day}) >= ${REMEMBERED_DAYS} THEN 0
    WHEN last_day >= ${day} THEN days >> (last_day - ${day}) ELSE (days << (${day} - last_day)) & ${ALL_DAYS} END`

/** Builds SQL that checks whether, `ago` days ago, an installation had been heard on a day after its first. */
const isSettled = (day: number, ago = 0) => {
  const age = `${day - ago} - first_day`
  return `(heard >> ${ago}) &
    ((CAST(1 AS BIGINT) << (CASE WHEN ${age} < 0 THEN 0 WHEN ${age} > 62 THEN 62 ELSE ${age} END)) - 1) <> 0`
}

const isHeard = (days: number, ago = 0) => `(heard >> ${ago}) & ${2 ** days - 1} <> 0`

/**
 * Builds SQL that joins the newest ping up to `day`, for installations that have been heard since: their rows already
 * have newer properties.
 */
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

/**
 * Builds SQL for the installations that count for a day, with their properties of that day. An installation counts if
 * it is admitted, active in the month, and settled: heard on two different days.
 */
const selectSettled = (db: Statements, day: number) => `
  SELECT leads, ${isHeard(WINDOWS.day)} AS in_day, ${isHeard(WINDOWS.week)} AS in_week,
    ${isHeard(WINDOWS.week, 7)} AS in_week_before, ${isSettled(day, 7)} AS was_settled,
    ${properties.map(ofThatDay).join(', ')}
  FROM (SELECT *, ${heardBy(day)} AS heard FROM installations WHERE counted AND first_day < ${day}) AS i
    ${pastPing(db, day)}
  WHERE ${isHeard(WINDOWS.month)} AND ${isSettled(day)}`

const ACTIVITY = `SELECT COUNT(*) FILTER (WHERE in_day) AS day, COUNT(*) FILTER (WHERE in_week) AS week,
    COUNT(*) AS month,
    COUNT(*) FILTER (WHERE NOT was_settled) AS "new",
    COUNT(*) FILTER (WHERE was_settled AND in_week AND NOT in_week_before) AS "returning",
    COUNT(*) FILTER (WHERE was_settled AND in_week_before AND NOT in_week) AS lost
  FROM settled`

/**
 * Counts a day and stores its figures. Does nothing if they exist.
 *
 * @param newPerAddress how many new installations of one address count per day
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
 * Decides which of the installations that were new up to `day` count: `newPerAddress` per network and day; the first of
 * them `leads`. Keeps the hash of their network for one more day, because a ping may be stored after midnight.
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

/** The share of the largest counts of leading installations that a sum replaces by the next smaller one. */
const CLIPPED = 0.05

/**
 * Sums up a count over all installations, so that false counts hardly change the sum. Of the installations that lead,
 * the largest 5 % of the counts, and at least 4, are replaced by the next smaller one. Installations from the same
 * address as one that leads may be invented: each counts as the median of those that lead at most. Returns no sum of
 * fewer installations than one address can add per day, plus 5.
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

/** Stores the figures of a day in one statement, so that a day has all of its figures or none. */
async function keepFigures (db: Statements, day: number, figures: Figure[]): Promise<void> {
  const list = JSON.stringify(figures.map(({ figure, bucket, value }) => [figure, bucket, value]))
  const rows = db.kind === 'postgres'
    ? 'SELECT value ->> 0, value ->> 1, (value ->> 2)::bigint FROM jsonb_array_elements($1::jsonb) AS list (value)'
    : 'SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($1)'
  await db.change(`INSERT INTO daily (day, figure, bucket, value) ${rows.replace('SELECT', `SELECT ${day},`)} WHERE true
    ON CONFLICT DO NOTHING`, [list])
}

/** Counts the finished days that have no figures yet, oldest first. @returns the number of counted days */
export async function finishDays (
  db: Database, today: number, newPerAddress: number, signal?: AbortSignal
): Promise<number> {
  const first = await nextDay(db, today)
  let day = first
  for (; day < today && !signal?.aborted; day++) {
    // Not in a transaction on SQLite, because it would hold the write lock during all of the counting.
    if (db.kind === 'sqlite') await finishDay(db, day, newPerAddress)
    else await finishOnPostgres(db, day, newPerAddress)
  }
  return day - first
}

async function finishOnPostgres (db: Database, day: number, newPerAddress: number): Promise<void> {
  await db.transaction(async (statements) => {
    // These installations may be sending now: repeatable read would fail at the first row that has changed meanwhile.
    await statements.query('SET TRANSACTION ISOLATION LEVEL READ COMMITTED')
    await admitInstallations(statements, day, newPerAddress)
  })
  await db.transaction((statements) => finishDay(statements, day, newPerAddress))
}

/** Returns the day after the newest that has figures; if there are none, the first day of an installation. */
export async function nextDay (db: Statements, today: number): Promise<number> {
  const [row] = await db.query<{ newest: number | null, first: number | null }>(
    'SELECT (SELECT MAX(day) FROM daily) AS newest, (SELECT MIN(first_day) FROM installations) AS first')
  if (row!.newest !== null) return row!.newest + 1
  return row!.first === null ? today : Math.max(row!.first, today - REMEMBERED_DAYS)
}
