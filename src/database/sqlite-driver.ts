/** The native part of the SQLite driver cannot be loaded on this machine, or the package is missing. */
export class MissingSqliteDriverError extends Error {
  override name = 'MissingSqliteDriverError'
  readonly code = 'sqlite_driver_missing'
}

/**
 * Loads the SQLite driver, for Sequelize's `dialectModule`. Its package includes binaries for glibc 2.34 or later and
 * for musl, on x64 and arm64.
 *
 * @throws MissingSqliteDriverError with the reason and what to do, in one line
 */
export async function loadSqliteDriver (): Promise<object> {
  try {
    // Sequelize needs OPEN_READWRITE and OPEN_CREATE. Only the default export has them, which the types do not declare.
    return (await import('@appthreat/sqlite3') as unknown as { default: object }).default
  } catch (error) {
    const [reason = ''] = (error as Error).message.split('\n')
    throw new MissingSqliteDriverError(`The SQLite driver cannot be loaded: ${reason.replace(/\.$/, '')}. ` +
      'Install the dependencies with "npm ci". ' +
      'If there is no binary for this machine, compile one with "npx node-gyp rebuild -C ' +
      'node_modules/@appthreat/sqlite3", or use PostgreSQL.', { cause: error })
  }
}
