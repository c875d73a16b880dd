import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ActiveDay } from '../../../src/collector/report/activity.js'
import { drawActivity, drawBuckets } from '../../../src/collector/report/charts.js'

const DAY_MS = 86_400_000

const daysFrom = (first: string, count: number): ActiveDay[] => Array.from({ length: count }, (_, day) => ({
  day: new Date(Date.parse(first) + day * DAY_MS).toISOString().slice(0, 10), onDay: day, in7Days: 2 * day, in30Days: 3 * day
}))

test('a year of activity has its months, round numbers and a strip for each day', () => {
  const { lines, levels, months, strips } = drawActivity(daysFrom('2026-01-01', 365))
  assert.deepEqual(lines.map(({ window }) => window), ['onDay', 'in7Days', 'in30Days'])
  assert.deepEqual(months.map(({ label }) => label), ['Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'])
  assert.deepEqual(levels.map(({ label }) => label), ['0', '200', '400', '600', '800', '1,000', '1,200'])
  assert.equal(strips.length, 365)
})

test('a few weeks of activity have their days', () => {
  const { months } = drawActivity(daysFrom('2026-01-20', 28))
  assert.deepEqual(months.slice(3, 6).map(({ label }) => label), ['29 Jan', '31 Jan', '2 Feb'])
})

test('the first day stands in the middle, without a month', () => {
  const { months, strips } = drawActivity(daysFrom('2026-01-01', 1))
  assert.deepEqual(months, [])
  assert.deepEqual(strips.map(({ x, width }) => x + width / 2), [50])
})

test('the ten largest buckets have a bar, each as wide as it is large, and the others are counted', () => {
  const buckets = Array.from({ length: 13 }, (_, index) => ({ name: `v${index}`, installations: 26 - 2 * index }))
  const { bars, more } = drawBuckets(buckets)
  assert.deepEqual([bars.length, more], [10, 3])
  assert.deepEqual(bars.slice(0, 2).map(({ label, value, width }) => [label, value, width]), [
    ['v0', '26 · 14.3 %', 100], ['v1', '24 · 13.2 %', 92.31]
  ])
})

test('a name that is too long for its bar is cut there', () => {
  const { bars } = drawBuckets([{ name: 'x'.repeat(128), installations: 5 }])
  assert.equal(bars[0]!.label, `${'x'.repeat(31)}…`)
})
