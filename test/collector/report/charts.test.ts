import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawBuckets, drawLines } from '../../../src/collector/report/charts.js'
import { inSoak } from '../../helpers/soak.js'

const DAY_MS = 86_400_000

const daysFrom = (first: string, count: number) => Array.from({ length: count }, (_, day) =>
  new Date(Date.parse(first) + day * DAY_MS).toISOString().slice(0, 10))

const series = (days: string[]) => [1, 2, 3].map((factor) => ({ name: `times ${factor}`, values: days.map((_, day) => factor * day) }))

test('a year is drawn with months, round numbers and a strip for each day', () => {
  const days = daysFrom('2026-01-01', 365)
  const { lines, levels, months, strips } = drawLines(days, series(days))
  assert.deepEqual(lines.map(({ name }) => name), ['times 1', 'times 2', 'times 3'])
  assert.deepEqual(months.map(({ label }) => label), ['Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'])
  assert.deepEqual(levels.map(({ label }) => label), ['0', '200', '400', '600', '800', '1,000', '1,200'])
  assert.equal(strips.length, 365)
  assert.equal(strips[1]!.words, 'Jan 2, 2026: times 1 1, times 2 2, times 3 3')
})

test('a few weeks are drawn with days', () => {
  const days = daysFrom('2026-01-20', 28)
  assert.deepEqual(drawLines(days, series(days)).months.slice(3, 6).map(({ label }) => label), ['6 Feb', '10 Feb', '14 Feb'])
})

/** Where the labels change: single days, weeks, and months of one and two years. */
const COUNTS = inSoak(Array.from({ length: 399 }, (_, index) => index + 2),
  [2, 3, 7, 8, 13, 14, 15, 27, 28, 31, 32, 60, 61, 62, 90, 92, 181, 184, 270, 364, 365, 366, 400])

test('the labels of days never overlap', () => {
  for (const count of COUNTS) {
    const days = daysFrom('2026-01-20', count)
    assert.ok(drawLines(days, series(days)).months.length <= 13, `${count} days`)
  }
})

test('a single day is drawn in the middle, without a month', () => {
  const { months, strips } = drawLines(['2026-01-01'], [{ name: 'one', values: [1] }])
  assert.deepEqual(months, [])
  assert.deepEqual(strips.map(({ x, width }) => x + width / 2), [50])
})

test('a day without a value leaves a gap in the line', () => {
  const [line] = drawLines(daysFrom('2026-01-01', 4), [{ name: 'one', values: [1, null, 1, 1] }]).lines
  assert.equal(line!.path.match(/M/g)?.length, 2)
})

test('the first ten buckets have a bar scaled to the total, and the others are counted', () => {
  const buckets = Array.from({ length: 13 }, (_, index) => ({ name: `v${index}`, installations: 26 - 2 * index }))
  const { bars, more } = drawBuckets(buckets)
  assert.deepEqual([bars.length, more], [10, 3])
  assert.deepEqual(bars.slice(0, 2).map(({ label, value, width }) => [label, value, width]), [
    ['v0', '26 · 14.3 %', 14.29], ['v1', '24 · 13.2 %', 13.19]
  ])
})

test('a name that is too long for its bar is truncated', () => {
  const { bars } = drawBuckets([{ name: 'x'.repeat(128), installations: 5 }])
  assert.equal(bars[0]!.label, `${'x'.repeat(31)}…`)
})
