/** The collector's database. SQL that both PostgreSQL and SQLite understand is written once. */

export interface Statements {
  readonly kind: 'postgres' | 'sqlite'
  /**
   * Runs one statement, its values as `$1`, `$2` ... A named statement is prepared once for each connection.
   *
   * @returns its rows; on PostgreSQL a BIGINT is a string
   * @throws the driver's or Sequelize's error; `codeOf` reads it
   */
  query: <Row extends object>(text: string, values?: unknown[], name?: string) => Promise<Row[]>
  /** Runs one statement. @returns how many rows it changed */
  change: (text: string, values?: unknown[]) => Promise<number>
}

export interface Database extends Statements {
  /** Runs statements that take effect together or not at all; again after a conflict with another client. */
  transaction: <Result>(run: (statements: Statements) => Promise<Result>) => Promise<Result>
  close: () => Promise<void>
}

/** Reads the clock of the database server; SQLite has none of its own. */
export async function readDatabaseClock (db: Statements): Promise<number> {
  if (db.kind === 'sqlite') return Date.now()
  const [row] = await db.query<{ now: number }>(
    'SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS FLOAT) AS now')
  return row!.now
}

/** What a connection is for: taking pings in, reading the figures, or maintenance, which is slow and alone. */
export type Purpose = 'intake' | 'report' | 'maintenance'

/** Returns the database's own code of an error: five characters of PostgreSQL, a name of SQLite, else an empty text. */
export function codeOf (error: unknown): string {
  const { code, parent } = (error ?? {}) as { code?: unknown, parent?: { code?: unknown } }
  return String(parent?.code ?? code ?? '')
}

/** Runs something again as long as it fails by a conflict with another client of the database. */
export async function withRetry<Result> (
  run: () => Promise<Result>, isConflict: (code: string) => boolean
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      // One of those that meet always succeeds, so this many are never needed unless something else is wrong.
      if (attempt === MOST_ATTEMPTS || !isConflict(codeOf(error))) throw error
    }
  }
}

const MOST_ATTEMPTS = 50
