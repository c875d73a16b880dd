/** Reads the report from `daily`, which has only finished days, so that its cost does not depend on installations. */
import { dateOf } from '../day.js'
import type { Statements } from '../storage/database.js'
import { NOT_REPORTED, RANGE_NAMES } from '../storage/figures.js'
import type { Bucket as KeptBucket } from '../storage/rounding.js'
import { compareVersions } from './versions.js'

/** The numbers of installations that were heard on a day, and in the 7 and 30 days that end with it. */
export interface ActiveDay {
  /** `2026-11-23`, a day of UTC. */
  day: string
  onDay: number
  in7Days: number
  in30Days: number
}

/** The change of installations in the week that ends with `day`, a Sunday, compared with the week before. */
export interface Week {
  day: string
  new: number
  returning: number
  lost: number
}

/** Sums over the installations of the last 30 days; null if too few of them report the count. */
export interface TotalsDay {
  day: string
  users: number | null
  teams: number | null
  projects: number | null
}

/** The number of installations that share a value. */
export interface Bucket {
  name: string
  installations: number
}

/** The buckets of a day, over the installations of the last 30 days. */
export interface Shares {
  day: string
  buckets: Bucket[]
}

/** The answer of `/report.json`. All counts are rounded down to 5, and no bucket is below 5. */
export interface Report {
  /** The requested range. */
  from: string
  to: string
  /** The newest day of the range that has figures; null if there is none. */
  newest: string | null
  activity: ActiveDay[]
  weeks: Week[]
  totals: TotalsDay[]
  /** One entry per week, oldest first. */
  versions: Record<'flowforge' | 'nodejs', Shares[]>
  /** Of the newest day. */
  distributions: Record<Distribution, Bucket[]>
}

const DISTRIBUTIONS = {
  flowforge: 'env_flowforge',
  nodejs: 'env_nodejs',
  os: 'os_type',
  arch: 'os_arch',
  driver: 'platform_config_driver',
  users: 'platform_counts_users',
  teams: 'platform_counts_teams',
  projects: 'platform_counts_projects'
} as const

export type Distribution = keyof typeof DISTRIBUTIONS

/** A row of `daily`. */
export interface DailyRow extends KeptBucket {
  day: number
  figure: string
}

/** Checks whether a day is a Sunday. Day 0, 1 January 1970, was a Thursday. */
const isSunday = (day: number) => day % 7 === 3

export interface Range {
  /** Days, both included. */
  from: number
  to: number
}

/** Reads the newest day that has figures; undefined if there is none. */
export async function newestDay (db: Statements): Promise<number | undefined> {
  const [row] = await db.query<{ day: number | null }>('SELECT MAX(day) AS day FROM daily')
  return row?.day ?? undefined
}

/** Reads rows of `daily`, oldest first. @param figures the names of the figures; all if absent */
export async function readDaily (db: Statements, { from, to }: Range, figures?: string[]): Promise<DailyRow[]> {
  const named = figures ? ` AND figure IN (${figures.map((_, index) => `$${index + 3}`).join(', ')})` : ''
  const rows = await db.query<DailyRow>(
    `SELECT day, figure, bucket, value FROM daily WHERE day >= $1 AND day <= $2${named} ORDER BY day, figure, bucket`,
    [from, to, ...figures ?? []])
  return rows.map((row) => ({ ...row, value: Number(row.value) }))
}

/** Reads the report of a range. */
export async function readReport (db: Statements, { from, to }: Range): Promise<Report> {
  const series = await readDaily(db, { from, to }, ['active', 'change', 'total'])
  const newest = series.at(-1)?.day
  const versions = await readWeekly(db, { from, to: newest ?? from }, [DISTRIBUTIONS.flowforge, DISTRIBUTIONS.nodejs])
  const last = newest === undefined
    ? []
    : await readDaily(db, { from: newest, to: newest }, Object.values(DISTRIBUTIONS))
  return {
    from: dateOf(from),
    to: dateOf(to),
    newest: newest === undefined ? null : dateOf(newest),
    ...seriesOf(series),
    versions: {
      flowforge: sharesOf(versions, DISTRIBUTIONS.flowforge),
      nodejs: sharesOf(versions, DISTRIBUTIONS.nodejs)
    },
    distributions: Object.fromEntries(Object.entries(DISTRIBUTIONS).map(([name, figure]) => (
      [name, bucketsOf(last, figure)]))) as Report['distributions']
  }
}

/** Reads only Sundays and the last day, because the shares of versions are shown by week. */
async function readWeekly (db: Statements, { from, to }: Range, figures: [string, string]): Promise<DailyRow[]> {
  const rows = await db.query<DailyRow>(`SELECT day, figure, bucket, value FROM daily
    WHERE day >= $1 AND day <= $2 AND figure IN ($3, $4) AND (day % 7 = 3 OR day = $2) ORDER BY day`,
  [from, to, ...figures])
  return rows.map((row) => ({ ...row, value: Number(row.value) }))
}

function seriesOf (rows: DailyRow[]): Pick<Report, 'activity' | 'weeks' | 'totals'> {
  const days = [...groupByDay(rows)].map(([day, ofDay]) => {
    const values = new Map(ofDay.map(({ figure, bucket, value }) => [`${figure} ${bucket}`, value]))
    const total = (name: string) => values.get(`total platform_counts_${name}`) ?? null
    return { day, date: dateOf(day), of: (name: string) => values.get(name) ?? 0, total }
  })
  return {
    activity: days.map(({ date, of }) => (
      { day: date, onDay: of('active day'), in7Days: of('active week'), in30Days: of('active month') })),
    weeks: days.filter(({ day }) => isSunday(day)).map(({ date, of }) => (
      { day: date, new: of('change new'), returning: of('change returning'), lost: of('change lost') })),
    totals: days.map(({ date, total }) => (
      { day: date, users: total('users'), teams: total('teams'), projects: total('projects') }))
  }
}

function groupByDay (rows: DailyRow[]): Map<number, DailyRow[]> {
  const days = new Map<number, DailyRow[]>()
  for (const row of rows) {
    const ofDay = days.get(row.day)
    if (ofDay) ofDay.push(row)
    else days.set(row.day, [row])
  }
  return days
}

function sharesOf (rows: DailyRow[], figure: string): Shares[] {
  const days = groupByDay(rows.filter((row) => row.figure === figure))
  return [...days].map(([day, ofDay]) => ({ day: dateOf(day), buckets: bucketsOf(ofDay, figure) }))
}

/**
 * Sorts buckets: ranges in their order, versions newest first, others by size; `not reported` and `other` come last.
 */
function bucketsOf (rows: DailyRow[], figure: string): Bucket[] {
  const order = figure.startsWith('platform_counts_')
    ? (a: Bucket, b: Bucket) => RANGE_NAMES.indexOf(a.name) - RANGE_NAMES.indexOf(b.name)
    : figure.startsWith('env_')
      ? (a: Bucket, b: Bucket) => compareVersions(b.name, a.name)
      : (a: Bucket, b: Bucket) => b.installations - a.installations || (a.name < b.name ? -1 : 1)
  const rank = ({ name }: Bucket) => NO_VALUE.indexOf(name)
  return rows.filter((row) => row.figure === figure)
    .map(({ bucket, value }) => ({ name: bucket, installations: value }))
    .toSorted((a, b) => rank(a) - rank(b) || order(a, b))
}

/** The buckets that are not a value; they come last. */
export const NO_VALUE = [NOT_REPORTED, 'other']
