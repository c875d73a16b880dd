import { ForeignDatabaseError } from '../database/ownership.js'
import { describeError } from '../database/serialize-error.js'
import { MissingSqliteDriverError } from '../database/sqlite-driver.js'
import { InvalidSettingsError } from './settings.js'
import { codeOf } from './storage/database.js'

/** EX_CONFIG, EX_CANTCREAT and EX_UNAVAILABLE of sysexits.h. Supervisors should not restart after them. */
const BAD_SETTINGS = 78
const NOT_WRITABLE = 73
const UNAVAILABLE = 69

/** Starting again may help. */
const FAILED = 1

const SETTING = 'COLLECTOR_DATABASE_URL'

/** By error code, of Node.js, SQLite or PostgreSQL: what to do, and the exit code. */
const ADVICE: [codes: RegExp, advice: string, exitCode: number][] = [
  [/^(42501|3F000)$/, `The user of ${SETTING} needs the right: GRANT CREATE ON SCHEMA public`, BAD_SETTINGS],
  [/^25006$/, `Name the primary server in ${SETTING}`, BAD_SETTINGS],
  [/^(28[0-9A-Z]{3}|3D000)$/, `Correct ${SETTING}`, BAD_SETTINGS],
  // An older one does not know a setting of the connections.
  [/^42704$/, 'PostgreSQL has to be version 12 or later', BAD_SETTINGS],
  [/^(EISDIR|ENOTDIR|SQLITE_(NOTADB|CORRUPT))$/, `Name another file in ${SETTING}`, BAD_SETTINGS],
  [/^(EACCES|EPERM|EROFS|ENOSPC|EDQUOT|SQLITE_(CANTOPEN|READONLY|PERM|FULL|IOERR))$/,
    `The file of ${SETTING} cannot be written: let the user of the collector write to it and to its folder`,
    NOT_WRITABLE],
  [/^SQLITE_(BUSY|LOCKED)$/, `Another process holds the file of ${SETTING} locked`, FAILED]
]

/** Explains in one line why a collector did not start and what to do, and chooses the exit code. */
export function explainFailure (error: unknown): { reason: string, exitCode: number } {
  const [message = ''] = describeError(error as Error).split('\n')
  if (error instanceof InvalidSettingsError) return { reason: message, exitCode: BAD_SETTINGS }
  if (error instanceof MissingSqliteDriverError) return { reason: message, exitCode: UNAVAILABLE }
  if (error instanceof ForeignDatabaseError) {
    return {
      reason: `the database of ${SETTING} is not the collector's: ${message}. Nothing in it was changed. Name another`,
      exitCode: BAD_SETTINGS
    }
  }
  if ((error as NodeJS.ErrnoException).syscall === 'listen') {
    const remedy = 'Correct COLLECTOR_HOST or COLLECTOR_PORT, or stop what uses the port'
    return { reason: `${message}. ${remedy}`, exitCode: FAILED }
  }
  const code = codeOf(error)
  const [, advice, exitCode] = ADVICE.find(([codes]) => codes.test(code)) ?? []
  if (advice) return { reason: `${message}. ${advice}`, exitCode: exitCode! }
  // What a connection fails with, or the server's own words for it: stopping, starting, too many clients.
  if (/^(E[A-Z_]+|08|53300|57P0)/.test(code) || /timeout/.test(message)) {
    return { reason: `the database of ${SETTING} does not answer: ${message}`, exitCode: FAILED }
  }
  return { reason: message, exitCode: FAILED }
}
