import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

test('each promise of SECURITY.md names tests that exist', () => {
  const rows = readFileSync('SECURITY.md', 'utf8').split('\n').filter((line) => /^\| [A-Z]/.test(line))
  assert.ok(rows.length > 0)
  for (const row of rows) {
    const tests = [...row.split('|')[2]!.matchAll(/`([^`]+)`/g)].map(([, file]) => file!)
    assert.ok(tests.length > 0, row)
    for (const file of tests) assert.ok(existsSync(file), file)
  }
})
