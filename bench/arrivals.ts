/**
 * `npm run bench:arrivals`: a simulated week at the collector of 1, 10 and 100 million installations, with restarts, a
 * release day and an outage, for the schedule of telemetry and for two that were not chosen.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { drawLines } from './chart.js'
import { publish, type Benchmark } from './publish.js'

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const WEEK = 7 * DAY

/** An installation restarts about twice a month. */
const RESTARTS_PER_SECOND = 2 / (30 * DAY)

/** On the third day a fifth of all installations restart in the hour of a release. */
const RELEASE = { from: 2 * DAY + 9 * HOUR, seconds: HOUR, share: 0.2 }

/** On the fifth day the collector is down for an hour that includes the time of the fixed schedule. */
const OUTAGE = { from: 4 * DAY + 2.5 * HOUR, to: 4 * DAY + 3.5 * HOUR }

/** The longest wait after the first, second and third attempt, in seconds; the wait is anything up to it. */
const BACKOFF = [30, 60, 120]

/** The share of a day's pings that is due in each second. */
const SCHEDULES: Record<string, (second: number) => number> = {
  'a random second (chosen)': () => 1 / DAY,
  'a random whole minute': (second) => second % MINUTE === 0 ? MINUTE / DAY : 0,
  'three o’clock for all': (second) => second === 3 * HOUR ? 1 : 0
}

/** The requests expected in each second of the week. */
function expectRequests (installations: number, due: (second: number) => number): Float64Array {
  const requests = new Float64Array(WEEK)
  for (let second = 0; second < WEEK; second++) {
    const released = second >= RELEASE.from && second < RELEASE.from + RELEASE.seconds ? RELEASE.share / RELEASE.seconds : 0
    requests[second] = installations * (due(second % DAY) + RESTARTS_PER_SECOND + released)
  }
  let failed = during(OUTAGE, requests)
  for (const longest of BACKOFF) {
    const retried = delay(failed, longest)
    for (let second = 0; second < WEEK; second++) requests[second]! += retried[second]!
    failed = during(OUTAGE, retried)
  }
  return requests
}

function during ({ from, to }: { from: number, to: number }, requests: Float64Array): Float64Array {
  return requests.map((value, second) => second >= from && second < to ? value : 0)
}

/** Spreads the requests due in a second over those that follow, up to the longest delay. */
function delay (requests: Float64Array, longest: number): Float64Array {
  const delayed = new Float64Array(WEEK)
  let window = 0
  for (let second = 1; second < WEEK; second++) {
    window += requests[second - 1]! - (requests[second - 1 - longest] ?? 0)
    delayed[second] = Math.max(0, window / longest)
  }
  return delayed
}

/** A random number of independent arrivals with the given expectation (Poisson). */
function draw (expected: number): number {
  if (expected > 100) return Math.max(0, Math.round(expected + Math.sqrt(expected) * drawNormal()))
  let arrivals = -1
  for (let product = 1; product > Math.exp(-expected); arrivals++) product *= Math.random()
  return Math.max(0, arrivals)
}

const drawNormal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())

/** The measured answers of one collector a second, from `npm run bench:collector`. */
function readCollectorRate (): number | undefined {
  const file = 'bench/results/collector.json'
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).rate : undefined
}

const rate = readCollectorRate()
const rows: string[][] = []
const charts: NonNullable<Benchmark['charts']> = []
mkdirSync('docs/charts', { recursive: true })
for (const installations of [1e6, 1e7, 1e8]) {
  const millions = `${installations / 1e6} million`
  const peaksByHour: Record<string, number[]> = {}
  for (const [name, due] of Object.entries(SCHEDULES)) {
    const requests = expectRequests(installations, due).map(draw)
    const peak = requests.reduce((most, value) => Math.max(most, value), 0)
    const mean = requests.reduce((sum, value) => sum + value, 0) / WEEK
    const number = (value: number) => Math.round(value).toLocaleString('en')
    rows.push([
      `${millions}, ${name}`, number(mean), number(peak), (peak / mean).toFixed(1),
      rate ? number(Math.ceil(peak / rate)) : '?'
    ])
    peaksByHour[name] = Array.from({ length: WEEK / HOUR }, (_, hour) => (
      requests.subarray(hour * HOUR, (hour + 1) * HOUR).reduce((most, value) => Math.max(most, value), 0)))
  }
  const file = `charts/arrivals-${installations / 1e6}-million.svg`
  writeFileSync(`docs/${file}`, drawLines({
    title: `The busiest second of each hour, ${millions} installations`,
    x: 'hours',
    every: DAY / HOUR,
    y: 'requests a second',
    lines: peaksByHour
  }))
  charts.push({ file, words: `The busiest second of each hour of the week with ${millions} installations, for the three schedules.` })
}
publish('arrivals', {
  title: 'A week at the collector',
  method: 'Every installation pings once a day and 30 seconds after each restart. It restarts twice a month at any time; on the ' +
    'third day a fifth of all restart within an hour, for a release; on the fifth day the collector is away for an hour, and ' +
    'each ping of that hour is tried up to four times. The requests expected in each second are computed, and those that come ' +
    'are drawn at random (Poisson).',
  tables: [{
    title: 'Requests a second',
    columns: ['installations, daily ping at', 'mean', 'peak', 'peak beside mean', 'collectors for the peak'],
    rows
  }],
  findings: [
    rate
      ? `One collector answers ${Math.round(rate).toLocaleString('en')} pings a second (see the collector's benchmark); the last column divides the peak by it.`
      : 'The last column needs the rate of one collector: run npm run bench:collector first.'
  ],
  charts
})
