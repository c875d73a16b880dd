/** Computes the figures of a day from the list of received pings, as docs/collector.md defines them, without SQL. */
import { DAY } from '../../src/collector/day.js'

/** One received ping. */
export interface Heard {
  instanceId: string
  /** Milliseconds since 1970. */
  at: number
  /** The sender's address. */
  address: string
  /** The values by column; an absent one is null. */
  properties: Record<string, string | number | null>
}

export interface FigureRow { figure: string, bucket: string, value: number }

const NAMED = ['env_flowforge', 'env_nodejs', 'os_type', 'os_arch', 'platform_config_driver']
const COUNTED = ['platform_counts_users', 'platform_counts_teams', 'platform_counts_projects']
const RANGES: Array<[to: number, name: string]> = [
  [0, '0'], [1, '1'], [5, '2–5'], [10, '6–10'], [25, '11–25'], [50, '26–50'], [100, '51–100'], [500, '101–500'], [Infinity, '501 or more']
]

interface Installation {
  days: number[]
  first: number
  address: string
  newest: Heard['properties']
}

/** Does what `Map.groupBy` does, which Node.js 20 lacks. */
function groupBy<Item> (items: Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) groups.set(keyOf(item), [...groups.get(keyOf(item)) ?? [], item])
  return groups
}

const dayOf = (at: number) => Math.floor(at / DAY)
const round = (count: number) => 5 * Math.floor(count / 5)

/** The expected rows of `daily` for a day. @param cap how many new installations of one address count each day */
export function expectedFigures (heard: Heard[], day: number, cap: number): FigureRow[] {
  const all = knownBy(heard, day)
  const groups = groupBy([...all.keys()], (id) => `${all.get(id)!.first} ${all.get(id)!.address}`)
  const place = (id: string) => groups.get(`${all.get(id)!.first} ${all.get(id)!.address}`)!.toSorted().indexOf(id)
  const inMonth = [...all].filter(([id, { days }]) =>
    place(id) < cap && isSettled(days, day) && isActive(days, day, 30))
  const leads = new Set(inMonth.filter(([id]) => place(id) === 0).map(([, installation]) => installation))
  const settled = inMonth.map(([, installation]) => installation)
  const rows = [...activity(settled, day)]
  for (const column of NAMED) rows.push(...fold(column, settled, leads, (newest) => newest[column] ?? 'not reported'))
  for (const column of COUNTED) {
    rows.push(...fold(column, settled, leads, (newest) => rangeOf(newest[column])), ...sumOf(column, settled, leads, cap))
  }
  return sortRows(rows)
}

export const sortRows = <Row extends FigureRow>(rows: Row[]) =>
  rows.toSorted((a, b) => `${a.figure} ${a.bucket}` < `${b.figure} ${b.bucket}` ? -1 : 1)

/** The installations known by the end of a day. After 56 days without a ping an installation counts as new. */
function knownBy (heard: Heard[], day: number): Map<string, Installation> {
  const known = new Map<string, Installation>()
  for (const { instanceId, at, address, properties } of heard) {
    if (dayOf(at) > day) continue
    const before = known.get(instanceId)
    if (before && dayOf(at) - before.days.at(-1)! < 56) {
      before.days.push(dayOf(at))
      before.newest = properties
    } else known.set(instanceId, { days: [dayOf(at)], first: dayOf(at), address, newest: properties })
  }
  return known
}

const isSettled = (days: number[], by: number) => new Set(days.filter((day) => day <= by)).size > 1
const isActive = (days: number[], by: number, length: number) => days.some((day) => day <= by && day > by - length)

function activity (settled: Installation[], day: number): FigureRow[] {
  const count = (figure: string, bucket: string, test: (days: number[]) => boolean) =>
    ({ figure, bucket, value: round(settled.filter(({ days }) => test(days)).length) })
  return [
    ...[['day', 1], ['week', 7], ['month', 30]].map(([bucket, length]) =>
      count('active', String(bucket), (days) => isActive(days, day, Number(length)))),
    count('change', 'new', (days) => !isSettled(days, day - 7)),
    count('change', 'returning', (days) => isSettled(days, day - 7) && !isActive(days, day - 7, 7) && isActive(days, day, 7)),
    count('change', 'lost', (days) => isSettled(days, day - 7) && isActive(days, day - 7, 7) && !isActive(days, day, 7))
  ]
}

function fold (
  figure: string, settled: Installation[], leads: Set<Installation>, nameOf: (newest: Heard['properties']) => string | number
): FigureRow[] {
  const groups = groupBy(settled, ({ newest }) => String(nameOf(newest)))
  const named = [...groups].filter(([name, group]) =>
    name !== 'other' && group.length >= 5 && group.filter((each) => leads.has(each)).length >= 5)
    .toSorted(([a, one], [b, other]) => other.length - one.length || (a < b ? -1 : 1)).slice(0, 30)
  const rest = settled.length - named.reduce((sum, [, { length }]) => sum + length, 0)
  return [
    ...named.map(([bucket, { length }]) => ({ figure, bucket, value: round(length) })),
    ...(rest >= 5 ? [{ figure, bucket: 'other', value: round(rest) }] : [])
  ]
}

const rangeOf = (count: string | number | null | undefined) =>
  typeof count === 'number' ? RANGES.find(([to]) => count <= to)![1] : 'not reported'

function sumOf (column: string, settled: Installation[], leads: Set<Installation>, cap: number): FigureRow[] {
  const countOf = ({ newest }: Installation) => newest[column]
  const known = settled.filter((each) => typeof countOf(each) === 'number')
  const leading = known.filter((each) => leads.has(each)).map((each) => Number(countOf(each))).toSorted((a, b) => b - a)
  if (known.length < cap + 5 || leading.length < 5) return []
  const rank = Math.max(5, Math.ceil(leading.length / 20))
  const most = leading[rank - 1]!
  const mostOfOthers = leading[Math.max(rank, Math.ceil(leading.length / 2)) - 1]!
  let step = 5
  for (let power = 1; step < 5 * most; power *= 10) step = [5, 10, 20].map((each) => each * power).find((each) => each >= 5 * most) ?? step
  const sum = known.reduce((all, each) => all + Math.min(Number(countOf(each)), leads.has(each) ? most : mostOfOthers), 0)
  return [{ figure: 'total', bucket: column, value: step * Math.round(sum / step) }]
}
