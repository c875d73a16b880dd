import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { BUILD } from './compile.js'

/** Files that mock the clock of their process permanently. */
const NEEDS_OWN_PROCESS = /\b(startClock|letClockRun|followPing)\(/

/**
 * Puts the test files of a folder into one process, since loading the platform takes a second per process.
 * Returns the files to run; each groups its tests by their original file.
 */
export function groupTests (): string[] {
  const folder = join(BUILD, 'groups')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  const groups: Record<string, string[]> = {}
  for (const file of listTests()) (groups[NEEDS_OWN_PROCESS.test(readFileSync(file, 'utf8')) ? file : dirname(file)] ??= []).push(file)
  return Object.entries(groups).toSorted(byLength).map(([name, files], place) => {
    // Node.js starts files in the order of their names.
    const group = join(folder, `${String(place).padStart(2, '0')}-${name.replace(/\W+/g, '-')}.js`)
    writeFileSync(group, "import { describe } from 'node:test'\n" + files.map((file) => (
      `describe('${file}', async () => { await import('${relative(folder, join(BUILD, file.replace(/\.ts$/, '.js')))}') })\n`)).join(''))
    return group
  })
}

/** Starts the longest first; started last, it would run alone at the end. */
function byLength ([, one]: [string, string[]], [, other]: [string, string[]]): number {
  const lengthOf = (files: string[]) => files.reduce((sum, file) => sum + statSync(file).size, 0)
  return lengthOf(other) - lengthOf(one)
}

/** Files that run only in the soak test, or that test more there. */
export function listSoak (): string[] {
  return [...listFiles('.soak.ts'), ...listTests().filter((file) => readFileSync(file, 'utf8').includes("/helpers/soak.js'"))]
}

const listTests = () => listFiles('.test.ts')

function listFiles (ending: string): string[] {
  return readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending)).toSorted().map((file) => join('test', file))
}
