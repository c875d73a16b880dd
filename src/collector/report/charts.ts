/**
 * Draws the report's charts as SVG, on the server. Widths are percentages, and text has a fixed size, so that charts
 * are legible on narrow and wide screens without a script.
 */
import { scaleBand, scaleLinear, scaleUtc } from 'd3-scale'
import { line } from 'd3-shape'
import type { Bucket } from './read-report.js'

/** The height of the area of the lines, as a percentage of the chart. The dates are below it. */
const PLOT_HEIGHT = 88

/** One line: a value per day; null if there is none. */
export interface Series {
  name: string
  values: Array<number | null>
}

export interface LineChart {
  lines: Array<{ name: string, path: string }>
  /** Position of a number, as a percentage of the height. */
  levels: Array<{ y: number, label: string }>
  /** Position of a date, as a percentage of the width. Minor dates are hidden on a narrow screen. */
  months: Array<{ x: number, label: string, minor: boolean }>
  /** A strip per day, which shows the numbers of that day when the pointer is on it. */
  strips: Array<{ x: number, width: number, words: string }>
  plotHeight: number
}

/**
 * Draws a line chart.
 *
 * @param days dates such as `2026-11-23`, at least one, oldest first; each series has as many values
 */
export function drawLines (days: string[], series: Series[], unit = ''): LineChart {
  const dates = days.map((day) => new Date(day))
  const highest = Math.max(1, ...series.flatMap(({ values }) => values.map((value) => value ?? 0)))
  const y = scaleLinear([0, highest], [100, 0]).nice(4)
  const x = scaleUtc([dates[0]!, dates.at(-1)!], [0, 100])
  const width = 100 / Math.max(1, days.length - 1)
  const draw = line<number | null>((_value, index) => x(dates[index]!), (value) => y(value ?? 0))
    .defined((value) => value !== null).digits(2)
  return {
    lines: series.map(({ name, values }) => ({ name, path: draw(values) ?? '' })),
    levels: y.ticks(4).filter(Number.isInteger).map((level) => (
      { y: round(y(level) * PLOT_HEIGHT / 100), label: level.toLocaleString('en') + unit })),
    months: days.length < 2
      ? []
      : thinOut(x.ticks(12))
        .map((tick, index) => ({ x: round(x(tick)), label: describeTick(tick), minor: index % 3 !== 1 }))
        // Labels at the edges would be cut off.
        .filter(({ x }) => x > 4 && x < 96),
    strips: days.map((day, index) => ({
      x: round(x(dates[index]!) - width / 2), width: round(width), words: describeDay(day, index, series, unit)
    })),
    plotHeight: PLOT_HEIGHT
  }
}

/** D3 makes up to twice the requested number of ticks, whose labels would overlap. */
function thinOut (ticks: Date[]): Date[] {
  const every = Math.ceil(ticks.length / 13)
  return ticks.filter((_tick, index) => index % every === 0)
}

function describeDay (day: string, index: number, series: Series[], unit: string): string {
  const date = new Date(day).toLocaleDateString('en', { dateStyle: 'medium', timeZone: 'UTC' })
  const values = series.filter(({ values }) => values[index] !== null)
    .map(({ name, values }) => `${name} ${values[index]!.toLocaleString('en')}${unit}`)
  return `${date}: ${values.join(', ')}`
}

function describeTick (date: Date): string {
  const month = date.toLocaleString('en', { month: 'short', timeZone: 'UTC' })
  return date.getUTCDate() === 1 ? month : `${date.getUTCDate()} ${month}`
}

export interface BarChart {
  /** Pixels. */
  height: number
  bars: Array<{ label: string, value: string, y: number, width: number }>
  /** The number of buckets that are only in the table. */
  more: number
}

const ROW = 44
const MOST_BARS = 10

/** Draws a bar for each of the first ten buckets. The full width stands for the sum of all buckets. */
export function drawBuckets (buckets: Bucket[]): BarChart {
  const shown = buckets.slice(0, MOST_BARS)
  const height = shown.length * ROW
  const total = sumOf(buckets)
  const y = scaleBand(shown.map(({ name }) => name), [0, height])
  const width = scaleLinear([0, Math.max(1, total)], [0, 100])
  return {
    height,
    bars: shown.map(({ name, installations }) => ({
      label: name.length > 32 ? `${name.slice(0, 31)}…` : name,
      value: `${installations.toLocaleString('en')} · ${percent(installations, total)}`,
      y: y(name)!,
      width: round(width(installations))
    })),
    more: buckets.length - shown.length
  }
}

export function sumOf (buckets: Bucket[]): number {
  return buckets.reduce((sum, { installations }) => sum + installations, 0)
}

export function percent (part: number, whole: number): string {
  return `${(100 * part / Math.max(1, whole)).toFixed(1)} %`
}

const round = (value: number) => Math.round(value * 100) / 100
