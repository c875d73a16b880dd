import {
  DataTypes, literal, Model, Op, Transaction,
  type CreationOptional, type InferAttributes, type InferCreationAttributes, type Sequelize
} from 'sequelize'
import { runBriefly } from './statement-timeout.js'
import { createClaims } from './claims.js'
import { longestDelivery } from '../delivery/retry.js'

/** Why a ping left: 30 seconds after the start, once a day, or because an administrator asked. */
export const KINDS = ['boot', 'daily', 'manual'] as const

export type PingKind = typeof KINDS[number]

/** `pending` until its last attempt is over; `interrupted` where the process ended before, and nobody knows. */
export const OUTCOMES = ['pending', 'delivered', 'failed', 'cancelled', 'interrupted'] as const

/** How many pings are remembered (design, section 5). */
const KEPT = 100

/** The newest ping that makes room for another; NULL, and older than none, while there are fewer. */
const BEYOND = literal(`(SELECT id FROM "TelemetryPings" ORDER BY id DESC LIMIT 1 OFFSET ${KEPT - 1})`)

/** One ping of the log: the exact bytes, and what became of them. */
export interface LoggedPing {
  id: number
  kind: PingKind
  /** When it was recorded: before its first byte left. */
  sentAt: Date
  idempotencyKey: string
  /** The exact text that was posted. */
  body: string
  outcome: typeof OUTCOMES[number]
  /** The HTTP status of the last answer; null where there was none. */
  status: number | null
  attempts: number
  /** From the record to the end of the last attempt, in milliseconds. */
  durationMs: number | null
  /** What the collector answered, at most 64 KiB of it. */
  receipt: string | null
  /** Why the last attempt failed, or what cancelled it, in technical words. */
  error: string | null
}

export type PingResult = Pick<LoggedPing, 'outcome' | 'status' | 'attempts' | 'durationMs' | 'receipt' | 'error'>

/** What is known of a ping before its first attempt. */
export const UNDERWAY: PingResult = {
  outcome: 'pending', status: null, attempts: 0, durationMs: null, receipt: null, error: null
}

export type PingLog = ReturnType<typeof createPingLog>

/** What was sent, and who may send. A ping that cannot be recorded here is not sent. */
export function createPingLog (sequelize: Sequelize) {
  const claim = createClaims(sequelize)
  class Row extends Model<InferAttributes<Row>, InferCreationAttributes<Row>> implements LoggedPing {
    declare id: CreationOptional<number>
    declare kind: PingKind
    declare sentAt: Date
    declare idempotencyKey: string
    declare body: string
    declare outcome: LoggedPing['outcome']
    declare status: number | null
    declare attempts: number
    declare durationMs: number | null
    declare receipt: string | null
    declare error: string | null
  }
  Row.init({
    id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
    kind: DataTypes.STRING,
    sentAt: DataTypes.DATE,
    idempotencyKey: DataTypes.STRING,
    body: DataTypes.TEXT,
    outcome: DataTypes.STRING,
    status: DataTypes.INTEGER,
    attempts: DataTypes.INTEGER,
    durationMs: DataTypes.INTEGER,
    receipt: DataTypes.TEXT,
    error: DataTypes.TEXT
  }, { sequelize, modelName: 'TelemetryPing', tableName: 'TelemetryPings', timestamps: false, paranoid: false, underscored: false })

  /** Results that the database has not taken yet: it was away. They are kept until it is back. */
  const unwritten = new Map<number, PingResult>()

  /**
   * Claims a ping of the schedule and records it, both or neither: a claim without a ping would silence a whole day.
   * Forgets all but the newest 100.
   *
   * @returns undefined where another replica has claimed it
   */
  async function record (
    { kind, ...ping }: Pick<LoggedPing, 'kind' | 'sentAt' | 'idempotencyKey' | 'body'>
  ): Promise<LoggedPing | undefined> {
    return runBriefly(sequelize, Transaction.TYPES.IMMEDIATE, async (transaction) => {
      if (kind !== 'manual' && !await claim(kind, ping.sentAt, transaction)) return undefined
      await Row.destroy({ where: { id: { [Op.lte]: BEYOND } }, transaction })
      const row = await Row.create({ kind, ...ping, ...UNDERWAY }, { transaction })
      return row.get()
    })
  }

  /**
   * Writes down what has become of a ping so far, and what could not be written before.
   *
   * @throws the database's error; `list` tells the result all the same
   */
  async function update (id: number, result: PingResult): Promise<void> {
    unwritten.set(id, result)
    for (const [id, result] of unwritten) {
      await Row.update(result, { where: { id } })
      if (unwritten.get(id) === result) unwritten.delete(id)
    }
  }

  /** The pings that are remembered, newest first. */
  async function list (): Promise<LoggedPing[]> {
    const rows = await Row.findAll({ order: [['id', 'DESC']] })
    return rows.map((row) => tellTruth({ ...row.get(), ...unwritten.get(row.id) }))
  }

  return { record, update, list }
}

/** A process that was killed could not write down what became of its ping. Another one may be at work on its own. */
function tellTruth (ping: LoggedPing): LoggedPing {
  const isOver = Date.now() - ping.sentAt.getTime() > longestDelivery(ping.kind)
  return ping.outcome === 'pending' && isOver ? { ...ping, outcome: 'interrupted' } : ping
}
