import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const TEXT = readFileSync('docs/reliability.md', 'utf8')

const LINK = /\[([^\]]+)\]\(([^)#]+)\)/

/** The test names in the last columns, with the file that the first occurrence of each links to. */
const LINKS = new Map([...TEXT.matchAll(new RegExp(LINK, 'g'))].map(([, name, target]) => [name!, join('docs', target!)]))

/** The rows of the tables as cells, without the headings. */
const rows = TEXT.split('\n').filter((line, index, lines) => line.startsWith('|') &&
  ![line, lines[index + 1]].some((each) => each?.startsWith('| --- ')))
  .map((line) => line.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim()))

test('docs/reliability.md has rows', () => { assert.ok(rows.length > 20) })

for (const [fault, , shownBy] of rows) {
  test(`docs/reliability.md names tests that exist: ${fault}`, () => {
    const names = (shownBy ?? '').split(', ').filter(Boolean).map((name) => LINK.exec(name)?.[1] ?? name)
    assert.notEqual(names.length, 0, 'no test is named')
    for (const name of names) {
      const file = LINKS.get(name)
      assert.ok(file, `${name} leads to no test`)
      assert.match(file, /^test\/.*\.(test|soak)\.ts$/)
      assert.ok(existsSync(file), `${file} is not there`)
    }
  })
}
