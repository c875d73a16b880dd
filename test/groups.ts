import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { BUILD } from './compile.js'

/** Files that mock the clock of their process permanently: they share one. */
const MOCKS_CLOCK = /\b(startClock|letClockRun|followPing)\(/

/** Bytes of source that folders which share a process have at most. */
const FULL = 50_000

/**
 * Puts the test files of a folder into one process, with those of other folders if they are small, since loading the
 * platform takes half a second per process. Returns the files to run; each groups its tests by their original file.
 */
export function groupTests (): string[] {
  const folder = join(BUILD, 'groups')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  return groupFiles(listTests()).map((files, place) => {
    // Node.js starts files in the order of their names.
    const group = join(folder, `${String(place).padStart(2, '0')}.js`)
    writeFileSync(group, "import { describe } from 'node:test'\n" + files.map((file) => (
      `describe('${file}', async () => { await import('${relative(folder, join(BUILD, file.replace(/\.ts$/, '.js')))}') })\n`)).join(''))
    return group
  })
}

function groupFiles (files: string[]): string[][] {
  const mocking = files.filter((file) => MOCKS_CLOCK.test(readFileSync(file, 'utf8')))
  const folders: Record<string, string[]> = {}
  for (const file of files) if (!mocking.includes(file)) (folders[dirname(file)] ??= []).push(file)
  return [...fill(Object.values(folders).toSorted(byLength)), mocking].toSorted(byLength)
}

/** Puts each folder, the longest first, into the first process that has room for it. */
function fill (folders: string[][]): string[][] {
  const processes: string[][] = []
  for (const files of folders) {
    const shared = processes.find((others) => lengthOf(others) + lengthOf(files) <= FULL)
    if (shared) shared.push(...files)
    else processes.push([...files])
  }
  return processes
}

/** Starts the longest first; started last, it would run alone at the end. */
const byLength = (one: string[], other: string[]) => lengthOf(other) - lengthOf(one)

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
