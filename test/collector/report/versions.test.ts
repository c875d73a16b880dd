import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareVersions } from '../../../src/collector/report/versions.js'

test('versions are in order of their numbers, pre-releases before their release, and other names first', () => {
  const ordered = ['nightly', 'v9', 'v10.2', 'v10.10.0-beta.2', 'v10.10.0-beta.10', 'v10.10.0', '11.0.0-rc', '11.0.0']
  assert.deepEqual(ordered.toReversed().toSorted(compareVersions), ordered)
})
