import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDistance, formatMoment } from '../../src/views/dates.js'

const NOW = new Date('2026-11-23T22:00:00Z')

test('a time is shown in UTC, with "UTC"', () => {
  assert.equal(formatMoment(NOW), '23 Nov 2026, 22:00:00 UTC')
})

test('the distance to a time is shown in its largest whole unit', () => {
  for (const [seconds, words] of [
    [0, 'now'], [1, 'in 1 second'], [-59, '59 seconds ago'], [60, 'in 1 minute'], [-119, '1 minute ago'],
    [3_600, 'in 1 hour'], [86_399, 'in 23 hours'], [86_400, 'tomorrow'], [-3 * 86_400, '3 days ago']
  ] as const) {
    assert.equal(formatDistance(new Date(NOW.getTime() + seconds * 1000), NOW), words)
  }
})
