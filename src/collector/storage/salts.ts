import { randomBytes } from 'node:crypto'
import { QueryTypes, type Sequelize } from 'sequelize'
import { isPostgres } from './database.js'

/** Milliseconds in a day of UTC, which knows no summer time. */
export const DAY = 86_400_000

export function dayOf (moment: number): number {
  return Math.floor(moment / DAY)
}

export interface Salts {
  /** The salt of that day, the same for all collectors on the database: 64 hexadecimal digits. */
  of: (day: number) => Promise<string>
  /** Destroys the salts whose day has been over for 24 hours. */
  destroy: (now: number) => Promise<void>
}

export function keepSalts (db: Sequelize): Salts {
  let current: { day: number, salt: Promise<string> } | undefined
  return {
    of (day) {
      if (current?.day !== day) {
        const salt = agreeOnSalt(db, day)
        // A salt that could not be had is asked for again at the next ping.
        salt.catch(() => { if (current?.salt === salt) current = undefined })
        current = { day, salt }
      }
      return current.salt
    },
    async destroy (now) {
      if (current && current.day < dayOf(now)) current = undefined
      await db.query('DELETE FROM salts WHERE day < $1', { bind: [dayOf(now) - 1], type: QueryTypes.BULKDELETE })
      // A deleted row still lies in PostgreSQL's file until the table is written anew, and in SQLite's log until it is emptied.
      await db.query(isPostgres(db) ? 'VACUUM FULL salts' : 'PRAGMA wal_checkpoint(TRUNCATE)')
    }
  }
}

/** Of two collectors that meet at midnight one inserts, and both read what it inserted. */
async function agreeOnSalt (db: Sequelize, day: number): Promise<string> {
  await db.query('INSERT INTO salts (day, salt) VALUES ($1, $2) ON CONFLICT DO NOTHING', {
    bind: [day, randomBytes(32).toString('hex')]
  })
  const [row] = await db.query<{ salt: string }>('SELECT salt FROM salts WHERE day = $1', {
    bind: [day], type: QueryTypes.SELECT
  })
  if (!row) throw new Error('the salt of the day was destroyed while it was asked for')
  return row.salt
}
