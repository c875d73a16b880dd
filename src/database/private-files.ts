import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

const OTHERS = 0o077

/** Creates a directory that only its owner can enter; takes an existing one from everybody else. */
export function makePrivateDirectory (path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  tighten(path, 0o700)
}

/**
 * Creates a SQLite file that only its owner can read, whatever the umask, and takes an existing one, with what belongs
 * to it, from everybody else. SQLite gives `-wal` and `-shm` the mode of the file itself.
 *
 * @throws the error of the file system; a disk that cannot be written to is none
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
  // Windows has no such modes: a file belongs to whoever its directory's access list says.
  if (process.platform === 'win32') return
  try {
    if ((statSync(path).mode & OTHERS) !== 0) chmodSync(path, mode)
  } catch (error) {
    // Another process that closes the database removes its -wal and -shm at any moment.
    if (!['ENOENT', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}
