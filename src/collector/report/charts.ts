/**
 * Draws the report's charts as SVG, on the server. Sizes across are percentages and text keeps its size, so a chart
 * is as legible on a phone as on a wide screen, without a script.
 */
import { scaleBand, scaleLinear, scaleUtc } from 'd3-scale'
import { line } from 'd3-shape'
import type { ActiveDay } from './activity.js'
import type { Bucket } from './distributions.js'

/** The drawing area of the lines, 100 by 100, is stretched over this share of the chart; below it stand the dates. */
const PLOT_HEIGHT = 88

export interface LineChart {
  lines: Array<{ window: Exclude<keyof ActiveDay, 'day'>, path: string }>
  /** Where a number stands, as a percentage of the height. */
  levels: Array<{ y: number, label: string }>
  /** Where a month begins, as a percentage of the width; every other is left out on a narrow screen. */
  months: Array<{ x: number, label: string, minor: boolean }>
  /** The strip of each day, which shows that day's numbers under the pointer. */
  strips: Array<{ x: number, width: number, day: ActiveDay }>
  plotHeight: number
}

export function drawActivity (days: ActiveDay[]): LineChart {
  const date = (day: ActiveDay) => new Date(day.day)
  const highest = Math.max(1, ...days.map(({ in30Days }) => in30Days))
  const y = scaleLinear([0, highest], [100, 0]).nice(4)
  const x = scaleUtc([date(days[0]!), date(days.at(-1)!)], [0, 100])
  const across = (day: ActiveDay) => x(date(day))
  const width = 100 / Math.max(1, days.length - 1)
  const path = (window: 'onDay' | 'in7Days' | 'in30Days') =>
    line<ActiveDay>(across, (day) => y(day[window])).digits(2)(days) ?? ''
  return {
    lines: (['onDay', 'in7Days', 'in30Days'] as const).map((window) => ({ window, path: path(window) })),
    levels: y.ticks(4).filter(Number.isInteger).map((level) => (
      { y: round(y(level) * PLOT_HEIGHT / 100), label: level.toLocaleString('en') })),
    months: days.length < 2
      ? []
      : x.ticks(12).map((tick, index) => ({ x: round(x(tick)), label: describeTick(tick), minor: index % 3 !== 1 }))
        // Half a word would stand outside of the chart.
        .filter(({ x }) => x > 4 && x < 96),
    strips: days.map((day) => ({ x: round(across(day) - width / 2), width: round(width), day })),
    plotHeight: PLOT_HEIGHT
  }
}

function describeTick (date: Date): string {
  const month = date.toLocaleString('en', { month: 'short', timeZone: 'UTC' })
  return date.getUTCDate() === 1 ? month : `${date.getUTCDate()} ${month}`
}

export interface BarChart {
  /** Pixels. */
  height: number
  bars: Array<{ label: string, value: string, y: number, width: number }>
  /** Buckets that are in the table alone. */
  more: number
}

const ROW = 44
const MOST_BARS = 10

export function drawBuckets (buckets: Bucket[]): BarChart {
  const shown = buckets.slice(0, MOST_BARS)
  const height = shown.length * ROW
  const total = buckets.reduce((sum, { installations }) => sum + installations, 0)
  const y = scaleBand(shown.map(({ name }) => name), [0, height])
  const width = scaleLinear([0, Math.max(1, ...shown.map(({ installations }) => installations))], [0, 100])
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

export function percent (part: number, whole: number): string {
  return `${(100 * part / Math.max(1, whole)).toFixed(1)} %`
}

const round = (value: number) => Math.round(value * 100) / 100
