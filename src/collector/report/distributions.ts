import { QueryTypes, type Sequelize } from 'sequelize'
import { DAY } from '../storage/salts.js'

/** So many installations have this in common. */
export interface Bucket {
  name: string
  installations: number
}

export interface Distribution {
  title: string
  buckets: Bucket[]
}

/** Below this many, installations that share something rare could be recognised by it. */
const SMALLEST = 5

/** An installation is counted while its newest ping is not older: releases nobody runs any more would hide the others. */
const DAYS = 30

const NAMED = {
  flowforge: { title: 'Versions of FlowForge', column: 'env_flowforge' },
  nodejs: { title: 'Versions of Node.js', column: 'env_nodejs' },
  os: { title: 'Operating systems', column: 'os_type' },
  arch: { title: 'Processors', column: 'os_arch' },
  driver: { title: 'Drivers', column: 'platform_config_driver' }
} as const

const COUNTED = {
  users: { title: 'Users of an installation', column: 'platform_counts_users' },
  teams: { title: 'Teams of an installation', column: 'platform_counts_teams' },
  projects: { title: 'Projects of an installation', column: 'platform_counts_projects' }
} as const

const RANGES: Array<[from: number, to: number]> = [
  [0, 0], [1, 1], [2, 5], [6, 10], [11, 25], [26, 50], [51, 100], [101, 500], [501, 2 ** 31 - 1]
]

export type DistributionName = keyof typeof NAMED | keyof typeof COUNTED
export type Distributions = Record<DistributionName, Distribution>

const ranges = Object.entries(COUNTED).flatMap(([name, { column }]) => [
  ...RANGES.map(([from, to], index) => `COUNT(*) FILTER (WHERE ${column} BETWEEN ${from} AND ${to}) AS ${name}_${index}`),
  `COUNT(*) FILTER (WHERE ${column} IS NULL) AS ${name}_absent`
])

const names = Object.entries(NAMED).map(([name, { column }]) => `${column} AS ${name}`)

/** All of it in one walk: a row for each combination of names that occurs, which are few, with the ranges beside them. */
const COMBINATIONS = `WITH newest AS (SELECT MAX(id) AS id FROM pings WHERE received_at >= $1 GROUP BY instance_id)
  SELECT ${[...names, 'COUNT(*) AS installations', ...ranges].join(', ')}
  FROM newest JOIN pings ON pings.id = newest.id
  GROUP BY ${Object.values(NAMED).map(({ column }) => column).join(', ')}`

type Combination = Record<string, string | number | null>

/** @param now milliseconds since 1970 @returns each installation of the last 30 days once, by its newest ping */
export async function countDistributions (db: Sequelize, now: number): Promise<Distributions> {
  const found = await db.query<Combination>(COMBINATIONS, { bind: [now - DAYS * DAY], type: QueryTypes.SELECT })
  const named = Object.entries(NAMED).map(([name, { title }]) => [name, { title, buckets: bucketsOfNames(found, name) }])
  const counted = Object.entries(COUNTED).map(([name, { title }]) => [name, { title, buckets: bucketsOfRanges(found, name) }])
  return Object.fromEntries([...named, ...counted]) as Distributions
}

function bucketsOfNames (found: Combination[], name: string): Bucket[] {
  const sums = new Map<string, number>()
  for (const row of found) {
    const key = String(row[name] ?? 'not told')
    sums.set(key, (sums.get(key) ?? 0) + Number(row.installations))
  }
  const buckets = [...sums].map(([key, installations]) => ({ name: key, installations }))
  return foldSmall(buckets.sort((a, b) => b.installations - a.installations || (a.name < b.name ? -1 : 1)))
}

function bucketsOfRanges (found: Combination[], name: string): Bucket[] {
  const sum = (column: string) => found.reduce((all, row) => all + Number(row[column]), 0)
  const buckets = RANGES.map((range, index) => ({ name: describeRange(range), installations: sum(`${name}_${index}`) }))
  return foldSmall([...buckets, { name: 'not told', installations: sum(`${name}_absent`) }])
}

function describeRange ([from, to]: [number, number]): string {
  if (from === to) return String(from)
  return to > 2 ** 30 ? `${from} or more` : `${from}–${to}`
}

/** What fewer than five installations share is folded into `other`, which stands last. */
export function foldSmall (buckets: Bucket[]): Bucket[] {
  const isKept = ({ name, installations }: Bucket) => name !== 'other' && installations >= SMALLEST
  const folded = buckets.filter((bucket) => !isKept(bucket)).reduce((all, { installations }) => all + installations, 0)
  const kept = buckets.filter(isKept)
  return folded > 0 ? [...kept, { name: 'other', installations: folded }] : kept
}
