import {
  DataTypes, Model, Op,
  type CreationOptional, type InferAttributes, type InferCreationAttributes, type Sequelize
} from 'sequelize'

/** Why a ping left: 30 seconds after the start, once a day, or because an administrator asked. */
export type PingKind = 'boot' | 'daily' | 'manual'

/** How many pings are remembered (design, section 5). */
const KEPT = 100

/** One ping of the log: the exact bytes, and what became of them. */
export interface LoggedPing {
  id: number
  kind: PingKind
  /** When it was recorded: before its first byte left. */
  sentAt: Date
  idempotencyKey: string
  /** The exact text that was posted. */
  body: string
  /** `pending` until its last attempt is over, and for good where the process was killed before. */
  outcome: 'pending' | 'delivered' | 'failed' | 'cancelled'
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

/** What was sent. A ping that cannot be recorded here is not sent. */
export function createPingLog (sequelize: Sequelize) {
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

  /** Records a ping that is about to leave, and forgets all but the newest 100. */
  async function record (ping: Pick<LoggedPing, 'kind' | 'sentAt' | 'idempotencyKey' | 'body'>): Promise<LoggedPing> {
    const oldest = await Row.findOne({ order: [['id', 'DESC']], offset: KEPT - 1 })
    if (oldest) await Row.destroy({ where: { id: { [Op.lte]: oldest.id } } })
    const row = await Row.create({ ...ping, ...UNDERWAY })
    return row.get()
  }

  /** Writes down what has become of a ping so far. */
  async function update (id: number, result: PingResult): Promise<void> {
    await Row.update(result, { where: { id } })
  }

  /** The pings that are remembered, newest first. */
  async function list (): Promise<LoggedPing[]> {
    const rows = await Row.findAll({ order: [['id', 'DESC']] })
    return rows.map((row) => row.get())
  }

  return { record, update, list }
}
