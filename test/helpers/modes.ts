import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openDatabase } from '../../src/database/open.js'

/** The modes of a directory and its files, in octal. */
export function modesIn (directory: string): Record<string, string> {
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)
  return { '.': modeOf(directory), ...Object.fromEntries(readdirSync(directory).map((name) => [name, modeOf(join(directory, name))])) }
}

export function setUmask (t: TestContext, mask: number): void {
  const before = process.umask(mask)
  t.after(() => { process.umask(before) })
}

/** A SQLite file as an earlier release left it: with a journal, and readable for everybody. */
export async function leaveOpen (file: string, directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true })
  chmodSync(directory, 0o755)
  const db = await openDatabase({ type: 'sqlite', storage: file })
  await db.query('PRAGMA journal_mode = DELETE')
  await db.close()
  for (const each of [file, `${file}-journal`, `${file}-wal`, `${file}-shm`]) {
    writeFileSync(each, '', { flag: 'a' })
    chmodSync(each, 0o666)
  }
}
