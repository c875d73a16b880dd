/** The collector's database, PostgreSQL or SQLite. */

export interface Statements {
  readonly kind: 'postgres' | 'sqlite'
  /**
   * Runs one statement with the values of `$1`, `$2` and so on. A named statement is prepared once per connection.
   *
   * @returns its rows; on PostgreSQL a BIGINT is a string
   * @throws the driver's or Sequelize's error; `codeOf` returns its code
   */
  query: <Row extends object>(text: string, values?: unknown[], name?: string) => Promise<Row[]>
  /** Runs one statement. @returns the number of changed rows */
  change: (text: string, values?: unknown[]) => Promise<number>
}

export interface Database extends Statements {
  /** Runs statements in one transaction, and repeats it after a conflict with another client. */
  transaction: <Result>(run: (statements: Statements) => Promise<Result>) => Promise<Result>
  close: () => Promise<void>
}

/** Reads the clock of the database server; on SQLite, that of this machine. */
export async function readDatabaseClock (db: Statements): Promise<number> {
  if (db.kind === 'sqlite') return Date.now()
  const [row] = await db.query<{ now: number }>(
    'SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS FLOAT) AS now')
  return row!.now
}

/** The purpose of a connection: storing pings, reading figures, or maintenance, whose statements are slow. */
export type Purpose = 'intake' | 'report' | 'maintenance'

/** Returns the code of an error: five characters of PostgreSQL, or a name of SQLite or Node.js; empty if none. */
export function codeOf (error: unknown): string {
  const { code, parent } = (error ?? {}) as { code?: unknown, parent?: { code?: unknown } }
  return String(parent?.code ?? code ?? '')
}

/** Repeats a function while it fails because of a conflict with another client, 50 times in all. */
export async function withRetry<Result> (
  run: () => Promise<Result>, isConflict: (code: string) => boolean
): Promise<Result> {
  for (let attempt = 1; attempt < MOST_ATTEMPTS; attempt++) {
    try {
      return await run()
    } catch (error) {
      if (!isConflict(codeOf(error))) throw error
    }
  }
  // Of conflicting clients one always succeeds, so this is reached only if something else is wrong.
  return await run()
}

const MOST_ATTEMPTS = 50
