/** The table of scale in docs/collector.md, from what `npm run bench:collector` and `npm run bench:report` have kept. */
import { existsSync, readFileSync } from 'node:fs'
import type { Measured } from '../bench/report-tables.js'

const SIZES = [1_000_000, 10_000_000, 100_000_000]

/** One a day, and two starts a month; as in bench/arrivals.ts. */
const PINGS_A_DAY = 1 + 2 / 30
const RETENTION_DAYS = 90

/** Shown for values that no benchmark has measured yet. */
const UNKNOWN = '–'

const read = <Kept extends object>(name: string): Partial<Kept> => {
  const file = `bench/results/${name}.json`
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) as Kept : {}
}

/** What is bold was measured; the rest is computed from it. */
export function describeScale (): string[][] {
  const { rate } = read<{ rate: number }>('collector')
  const { measured = [] } = read<{ measured: Measured[] }>('report')
  const rows = measured.filter(({ kind, installations }) => kind === 'postgres' && installations === SIZES[0])
  // Ten pings of each have their keys, and enough of them that what a table costs by itself is nothing.
  const typical = rows.find(({ pings }) => pings === 10)
  const uncached = Math.max(...rows.map((row) => row.uncached))
  return [
    ['installations', 'pings/s, all day', 'of what one collector takes', `raw pings of ${RETENTION_DAYS} days`, '`installations`',
      'a report not in memory', 'counting a day'],
    ...SIZES.map((size) => {
      const times = size / SIZES[0]!
      const perSecond = size * PINGS_A_DAY / 86_400
      const mark = (text: string) => times === 1 ? `**${text}**` : text
      return [
        size.toLocaleString('en'), Math.round(perSecond).toLocaleString('en'), rate ? `${(100 * perSecond / rate).toFixed(1)} %` : UNKNOWN,
        typical ? gigabytes(typical.bytesOfPings / 10 * PINGS_A_DAY * RETENTION_DAYS * times) : UNKNOWN,
        typical ? mark(gigabytes(typical.bytesOfInstallations * times)) : UNKNOWN,
        typical ? mark(`${uncached.toFixed(0)} ms`) : UNKNOWN, typical ? mark(duration(typical.counting * times)) : UNKNOWN
      ]
    })
  ]
}

const gigabytes = (bytes: number) => `${Number((bytes / 1e9).toPrecision(2)).toLocaleString('en')} GB`

function duration (milliseconds: number): string {
  const seconds = milliseconds / 1000
  return seconds < 120 ? `${seconds.toFixed(0)} s` : `${(seconds / 60).toFixed(0)} min`
}
