import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { BUILD } from './compile.js'

/** Files that mock the clock of their process permanently. */
const NEEDS_OWN_PROCESS = /\b(startClock|letClockRun|followPing)\(/

/** Bytes of source. Folders with less share a process. */
const SMALL = 16_000

/**
 * Puts the test files of a folder into one process, and those of all small folders into one, since loading the platform
 * takes a second per process. Returns the files to run; each groups its tests by their original file.
 */
export function groupTests (): string[] {
  const folder = join(BUILD, 'groups')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  const groups: Record<string, string[]> = {}
  for (const file of listTests()) (groups[NEEDS_OWN_PROCESS.test(readFileSync(file, 'utf8')) ? file : dirname(file)] ??= []).push(file)
  return Object.entries(mergeSmall(groups)).toSorted(byLength).map(([name, files], place) => {
    // Node.js starts files in the order of their names.
    const group = join(folder, `${String(place).padStart(2, '0')}-${name.replace(/\W+/g, '-')}.js`)
    writeFileSync(group, "import { describe } from 'node:test'\n" + files.map((file) => (
      `describe('${file}', async () => { await import('${relative(folder, join(BUILD, file.replace(/\.ts$/, '.js')))}') })\n`)).join(''))
    return group
  })
}

function mergeSmall (groups: Record<string, string[]>): Record<string, string[]> {
  const merged: Record<string, string[]> = {}
  for (const [name, files] of Object.entries(groups)) {
    const isSmall = !name.endsWith('.ts') && lengthOf(files) < SMALL
    ;(merged[isSmall ? 'small folders' : name] ??= []).push(...files)
  }
  return merged
}

/** Starts the longest first; started last, it would run alone at the end. */
const byLength = ([, one]: [string, string[]], [, other]: [string, string[]]) => lengthOf(other) - lengthOf(one)

const lengthOf = (files: string[]) => files.reduce((sum, file) => sum + statSync(file).size, 0)

/** Files that run only in the soak test, or that test more there. */
export function listSoak (): string[] {
  return [...listFiles('.soak.ts'), ...listTests().filter((file) => readFileSync(file, 'utf8').includes("/helpers/soak.js'"))]
}

const listTests = () => listFiles('.test.ts')

function listFiles (ending: string): string[] {
  return readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending)).toSorted().map((file) => join('test', file))
}
