import { drawBuckets, drawLines, percent, sumOf, type LineChart, type Series } from './charts.js'
import { NO_VALUE, type Bucket, type Distribution, type Report, type Shares } from './read-report.js'
import { compareVersions } from './versions.js'

/** The number of lines in one chart; report.css has as many colours and dash patterns. */
const MOST_LINES = 8

const TITLES: Record<Distribution, string> = {
  flowforge: 'FlowForge version',
  nodejs: 'Node.js version',
  os: 'Operating system',
  arch: 'Processor',
  driver: 'Driver',
  users: 'Users per installation',
  teams: 'Teams per installation',
  projects: 'Projects per installation'
}

/** Common names for the values that Node.js reports. */
const NAMES: Record<string, string> = {
  Darwin: 'macOS',
  Windows_NT: 'Windows',
  x64: 'x64 (Intel, AMD)',
  ia32: 'x86, 32 bits',
  arm64: 'ARM, 64 bits',
  arm: 'ARM, 32 bits'
}

/** A chart over time, and the same numbers as a table. */
export interface TimeView {
  id: string
  title: string
  about: string
  chart: LineChart
  days: string[]
  /** Those of the table; the chart may have fewer. */
  series: Series[]
  unit: string
}

/** Prepares a report for `report.eta`. @param base `/report`, or `/usage` for the public one */
export function viewOf (report: Report, base: '/report' | '/usage') {
  return {
    report,
    base,
    isPublic: base === '/usage',
    latest: report.activity.at(-1),
    times: [viewActivity(report), viewWeeks(report), ...viewVersions(report), viewTotals(report)]
      .filter((view) => view !== undefined),
    distributions: Object.entries(report.distributions).map(([name, buckets]) =>
      viewDistribution(TITLES[name as Distribution], name, buckets)),
    percent
  }
}

function viewDistribution (title: string, name: string, raw: Bucket[]) {
  const nameOf = (name: string) => Object.hasOwn(NAMES, name) ? NAMES[name]! : name
  const buckets = raw.map((bucket) => ({ ...bucket, name: nameOf(bucket.name) }))
  return { name, title, buckets, total: sumOf(buckets), ...drawBuckets(buckets) }
}

function viewTime (
  id: string, title: string, about: string, days: string[], all: Series[], unit = ''
): TimeView | undefined {
  const series = all.filter(({ values }) => values.some((value) => value !== null))
  if (days.length === 0 || series.length === 0) return undefined
  return { id, title, about, days, series, unit, chart: drawLines(days, largestOf(series), unit) }
}

/** As many as a chart has lines: those that are the largest at their peak and today, in the order of all. */
function largestOf (series: Series[]): Series[] {
  const sizeOf = ({ values }: Series) => Math.max(...values.map((value) => value ?? 0)) + (values.at(-1) ?? 0)
  const largest = series.toSorted((a, b) => sizeOf(b) - sizeOf(a)).slice(0, MOST_LINES)
  return series.filter((each) => largest.includes(each))
}

function viewActivity ({ activity }: Report) {
  const about = 'Installations that were heard in the 30 and 7 days up to a day, and on the day.'
  return viewTime('active', 'Active installations', about,
    activity.map(({ day }) => day), [
      { name: 'in 30 days', values: activity.map(({ in30Days }) => in30Days) },
      { name: 'in 7 days', values: activity.map(({ in7Days }) => in7Days) },
      { name: 'on the day', values: activity.map(({ onDay }) => onDay) }
    ])
}

function viewWeeks ({ weeks }: Report) {
  const about = 'By week, Monday to Sunday: heard on a second day for the first time; back after a week or more; ' +
    'heard the week before, and not this week.'
  return viewTime('weeks', 'New, returning and lost', about, weeks.map(({ day }) => day), [
    { name: 'new', values: weeks.map((week) => week.new) },
    { name: 'returning', values: weeks.map(({ returning }) => returning) },
    { name: 'lost', values: weeks.map(({ lost }) => lost) }
  ])
}

function viewVersions ({ versions }: Report) {
  const about = 'Share of the installations of 30 days, in percent. The chart has the eight largest versions, the ' +
    'table has all.'
  return [
    viewTime('flowforge-versions', 'FlowForge versions', about, ...sharesOverTime(versions.flowforge), ' %'),
    viewTime('nodejs-versions', 'Node.js versions', about, ...sharesOverTime(versions.nodejs), ' %')
  ]
}

/** Computes the share of each version over time, in percent, the newest version first. */
function sharesOverTime (shares: Shares[]): [days: string[], series: Series[]] {
  const parts = shares.map(({ buckets }) => {
    const total = Math.max(1, sumOf(buckets))
    return new Map(buckets.map(({ name, installations }) => [name, Math.round(1000 * installations / total) / 10]))
  })
  const names = [...new Set(parts.flatMap((part) => [...part.keys()]))].filter((name) => !NO_VALUE.includes(name))
    .toSorted((a, b) => compareVersions(b, a))
  return [
    shares.map(({ day }) => day),
    [...names, ...NO_VALUE].map((name) => ({ name, values: parts.map((part) => part.get(name) ?? 0) }))
      .filter(({ values }) => values.some((value) => value > 0))
  ]
}

function viewTotals ({ totals }: Report) {
  const about = 'Sums over the installations of 30 days. The largest counts are capped, so that no sender can ' +
    'distort the sums.'
  return viewTime('totals', 'Users, teams and projects', about, totals.map(({ day }) => day), [
    { name: 'users', values: totals.map(({ users }) => users) },
    { name: 'projects', values: totals.map(({ projects }) => projects) },
    { name: 'teams', values: totals.map(({ teams }) => teams) }
  ])
}
