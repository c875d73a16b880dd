import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

const OTHERS = 0o077

/** Creates a directory with mode 0700, or sets that mode on an existing one that others can access. */
export function makePrivateDirectory (path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  tighten(path, 0o700)
}

/**
 * Creates a SQLite file with mode 0600, or sets that mode on an existing one that others can access, and on its `-wal`,
 * `-shm` and `-journal`. SQLite creates these with the mode of the database file.
 *
 * @throws the error of the file system, but not if an existing file is on a read-only disk
 */
export function makePrivateDatabase (file: string): void {
  if (!existsSync(dirname(file))) makePrivateDirectory(dirname(file))
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    throw Object.assign(new Error(`${file} is a directory`), { code: 'EISDIR' })
  }
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600))
  for (const each of [file, `${file}-wal`, `${file}-shm`, `${file}-journal`]) tighten(each, 0o600)
}

function tighten (path: string, mode: number): void {
  // Windows has no such modes: files inherit the access list of their directory.
  if (process.platform === 'win32') return
  try {
    if ((statSync(path).mode & OTHERS) !== 0) chmodSync(path, mode)
  } catch (error) {
    // Another process that closes the database may remove -wal and -shm at any moment.
    if (!['ENOENT', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}
