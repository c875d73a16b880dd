import { randomBytes } from 'node:crypto'
import { dayOf } from '../day.js'
import type { Database } from './database.js'

export interface Salts {
  /**
   * Returns the salt of a day, 64 hexadecimal digits, the same for all collectors on the database: as a promise only
   * until it is known, because every ping needs it.
   */
  of: (day: number) => string | Promise<string>
  /**
   * Destroys the salts of days that ended at least 24 hours ago, and of days after tomorrow.
   *
   * @throws the database's error, or SaltInLogError, if one may still be in the database's files
   */
  destroy: (now: number) => Promise<void>
}

export function keepSalts (db: Database): Salts {
  let current: { day: number, salt: string | Promise<string> } | undefined

  function ask (day: number): Promise<string> {
    const salt = agreeOnSalt(db, day)
    salt.then((known) => {
      if (current?.salt === salt) current.salt = known
    }, () => {
      // The next ping tries again.
      if (current?.salt === salt) current = undefined
    })
    return salt
  }

  return {
    of (day) {
      if (current?.day !== day) current = { day, salt: ask(day) }
      return current.salt
    },
    async destroy (now) {
      const today = dayOf(now)
      if (current && current.day !== today) current = undefined
      // Keeps tomorrow's salt, because around midnight the clock of another collector may be ahead.
      await db.change('DELETE FROM salts WHERE day < $1 OR day > $2', [today - 1, today + 1])
      await emptyFiles(db)
    }
  }
}

/** Removes deleted rows from the files: rewrites the table on PostgreSQL, and empties the write-ahead log of SQLite. */
async function emptyFiles (db: Database): Promise<void> {
  if (db.kind === 'postgres') {
    await db.query('VACUUM FULL salts')
    return
  }
  const [result] = await db.query<{ busy: number }>('PRAGMA wal_checkpoint(TRUNCATE)')
  if (result?.busy) throw new SaltInLogError('the write-ahead log is in use and may hold a salt that is over')
}

class SaltInLogError extends Error {
  override name = 'SaltInLogError'
  readonly code = 'salt_in_log'
}

/** Inserts a salt unless another collector has, and reads the one that was inserted. */
async function agreeOnSalt (db: Database, day: number): Promise<string> {
  const made = randomBytes(32).toString('hex')
  await db.change('INSERT INTO salts (day, salt) VALUES ($1, $2) ON CONFLICT DO NOTHING', [day, made])
  const [row] = await db.query<{ salt: string }>('SELECT salt FROM salts WHERE day = $1', [day])
  if (!row) throw new Error('the salt of the day was destroyed while it was read')
  return row.salt
}
