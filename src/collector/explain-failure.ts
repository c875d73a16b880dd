import { ForeignDatabaseError } from '../database/ownership.js'
import { describeError } from '../database/serialize-error.js'
import { MissingSqliteDriverError } from '../database/sqlite-driver.js'
import { InvalidSettingsError } from './settings.js'
import { codeOf } from './storage/database.js'

/** EX_CONFIG and EX_UNAVAILABLE of sysexits.h. Supervisors should not restart after them. */
const BAD_SETTINGS = 78
const UNAVAILABLE = 69

const SETTING = 'COLLECTOR_DATABASE_URL'

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
  const code = codeOf(error)
  if (code === '42501' || code === '3F000') {
    return {
      reason: `${message}. The user of ${SETTING} needs the right: GRANT CREATE ON SCHEMA public`,
      exitCode: BAD_SETTINGS
    }
  }
  if (code === '25006') {
    return { reason: `${message}. Name the primary server in ${SETTING}`, exitCode: BAD_SETTINGS }
  }
  return { reason: message, exitCode: 1 }
}
