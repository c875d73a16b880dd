import type { Sequelize, Transaction } from 'sequelize'
import { LONGEST_ATTEMPT_MS, LONGEST_RETRY_AFTER_MS } from '../delivery/retry.js'
import { loggedPingSchema, type LoggedPing, type LoggedPingJson, type PingRecord, type PingResult } from '../types.js'
import { claimPing } from './claims.js'
import { hasTables, migrate } from './migrations.js'
import { select, timestamp, update, withTransaction } from './transaction.js'

/** The number of pings that are kept. */
const KEPT = 100

/** Makes room for one more row: deletes the 100th newest and all older ones; nothing if there are fewer. */
const MAKE_ROOM = `DELETE FROM "TelemetryPings"
  WHERE id <= (SELECT id FROM "TelemetryPings" ORDER BY id DESC LIMIT 1 OFFSET ${KEPT - 1})`

/**
 * Reads until when a receiver has asked to wait, in its answer to any ping, also one whose process has ended since.
 * Times further ahead than a wait can be are ignored: they were computed before the clock was corrected.
 */
const ASKED_TO_WAIT = `SELECT "nextAttemptAt" FROM "TelemetryPings"
  WHERE url = $1 AND "nextAttemptAt" > $2 AND "nextAttemptAt" <= $3 ORDER BY "nextAttemptAt" DESC LIMIT 1`

/** The result of a ping before its first attempt. */
export const NOT_ATTEMPTED: PingResult = {
  outcome: 'pending',
  status: null,
  attempts: 0,
  nextAttemptAt: null,
  durationMs: null,
  contentType: null,
  receipt: null,
  errorCode: null,
  error: null
}

const COLUMNS = Object.keys(loggedPingSchema.properties) as (keyof LoggedPing)[]

/** A row as the database returns it: times are Dates or text, and a column that does not exist yet is undefined. */
type Row = Partial<Omit<LoggedPingJson, 'sentAt' | 'nextAttemptAt'>> & {
  id: number
  sentAt: Date | string
  nextAttemptAt?: Date | string | null
}

/**
 * The log of pings, in the host's database. Its tables are created when the first ping is recorded. A ping that cannot
 * be recorded is not sent.
 */
export class PingLog {
  readonly #sequelize: Sequelize
  readonly #pendingWrites = new Map<number, PingResult>()
  #migrated: Promise<void> | undefined

  constructor (sequelize: Sequelize) {
    this.#sequelize = sequelize
  }

  /**
   * Claims a scheduled ping and records it in one transaction: a claim without a ping would prevent all pings of that
   * day. Keeps the newest 100 pings.
   *
   * If the receiver has asked an earlier ping to wait, also before a restart, a scheduled ping waits until then
   * (`nextAttemptAt`). A manual ping does not wait, because somebody asked for it.
   *
   * @returns the row; undefined if another replica has claimed the ping, or if a manual ping with this key exists
   * @throws the database's error
   */
  async record (ping: PingRecord): Promise<LoggedPing | undefined> {
    await this.#migrate()
    return withTransaction(this.#sequelize, 'write', async (transaction) => {
      const { kind, sentAt } = ping
      if (kind !== 'manual' && !await claimPing(this.#sequelize, kind, sentAt, transaction)) return undefined
      if (kind === 'manual' && await this.#find(ping.idempotencyKey, transaction)) return undefined
      const nextAttemptAt = kind === 'manual' ? null : await this.#askedToWait(ping, transaction)
      await update(this.#sequelize, MAKE_ROOM, [], transaction)
      return this.#insert({ ...ping, ...NOT_ATTEMPTED, nextAttemptAt }, transaction)
    })
  }

  /**
   * Saves the result of a ping so far, and all results that could not be saved before.
   *
   * @throws the database's error; the result is kept in memory, and `list` includes it
   */
  async saveResult (id: number, result: PingResult): Promise<void> {
    this.#pendingWrites.set(id, result)
    for (const [id, result] of this.#pendingWrites) {
      const names = Object.keys(result) as (keyof PingResult)[]
      const assignments = names.map((name, index) => `"${name}" = $${index + 2}`).join(', ')
      const values = names.map((name) => toColumn(result[name]))
      await update(this.#sequelize, `UPDATE "TelemetryPings" SET ${assignments} WHERE id = $1`, [id, ...values])
      if (this.#pendingWrites.get(id) === result) this.#pendingWrites.delete(id)
    }
  }

  /**
   * Lists the newest recorded pings, newest first. Creates no table.
   *
   * @param before lists those before the ping with this id alone @throws the database's error
   */
  list (limit = KEPT, before?: number): Promise<LoggedPing[]> {
    const order = 'ORDER BY id DESC LIMIT $1'
    return before === undefined ? this.#read(order, limit) : this.#read(`WHERE id < $2 ${order}`, limit, before)
  }

  /** Reads one ping by its id or idempotency key; undefined if it is not in the log. @throws the database's error */
  async find (key: number | string): Promise<LoggedPing | undefined> {
    return (await this.#read(`WHERE ${typeof key === 'number' ? 'id' : '"idempotencyKey"'} = $1`, key))[0]
  }

  async #read (condition: string, ...values: (number | string)[]): Promise<LoggedPing[]> {
    if (!await hasTables(this.#sequelize)) return []
    const statement = `SELECT * FROM "TelemetryPings" ${condition}`
    // In a transaction, so that it ends after 5 seconds: pages that wait longer would use up the connection pool.
    const rows = await withTransaction(this.#sequelize, 'read', (transaction, withinLimit) => (
      withinLimit(() => select<Row>(this.#sequelize, statement, values, transaction))))
    return rows.map((row) => markInterrupted({ ...toPing(row), ...this.#pendingWrites.get(row.id) }))
  }

  /** Migrates once; after a failure the next call tries again. */
  async #migrate (): Promise<void> {
    this.#migrated ??= migrate(this.#sequelize)
    try {
      await this.#migrated
    } catch (error) {
      this.#migrated = undefined
      throw error
    }
  }

  async #askedToWait ({ url, sentAt }: PingRecord, transaction: Transaction | null): Promise<Date | null> {
    const bind = [url, timestamp(sentAt), timestamp(new Date(sentAt.getTime() + LONGEST_RETRY_AFTER_MS))]
    const [row] = await select<Pick<Row, 'nextAttemptAt'>>(this.#sequelize, ASKED_TO_WAIT, bind, transaction)
    return row?.nextAttemptAt ? new Date(row.nextAttemptAt) : null
  }

  /** Inserts a row and reads it back by its key: not every SQLite supports RETURNING. */
  async #insert (ping: PingRecord & PingResult, transaction: Transaction | null): Promise<LoggedPing> {
    const names = COLUMNS.filter((name): name is Exclude<keyof LoggedPing, 'id'> => name !== 'id')
    const columns = names.map((name) => `"${name}"`).join(', ')
    const values = names.map((name) => toColumn(ping[name]))
    await this.#sequelize.query(
      `INSERT INTO "TelemetryPings" (${columns}) VALUES (${names.map((_, index) => `$${index + 1}`).join(', ')})`,
      { bind: values, transaction })
    return toPing((await this.#find(ping.idempotencyKey, transaction))!)
  }

  async #find (idempotencyKey: string, transaction: Transaction | null): Promise<Row | undefined> {
    const statement = 'SELECT * FROM "TelemetryPings" WHERE "idempotencyKey" = $1'
    return (await select<Row>(this.#sequelize, statement, [idempotencyKey], transaction))[0]
  }
}

function toPing (row: Row): LoggedPing {
  const ping = Object.fromEntries(COLUMNS.map((name) => [name, row[name] ?? null]))
  const nextAttemptAt = row.nextAttemptAt ? new Date(row.nextAttemptAt) : null
  return { ...ping, sentAt: new Date(row.sentAt), nextAttemptAt } as LoggedPing
}

const toColumn = (value: LoggedPing[keyof LoggedPing]) => value instanceof Date ? timestamp(value) : value

/** Reports a row that a killed process has left pending as interrupted, once no process can still be working on it. */
function markInterrupted (ping: LoggedPing): LoggedPing {
  const attemptAt = ping.nextAttemptAt ?? ping.sentAt
  const isOver = Date.now() - attemptAt.getTime() > LONGEST_ATTEMPT_MS
  return ping.outcome === 'pending' && isOver ? { ...ping, outcome: 'interrupted' } : ping
}
