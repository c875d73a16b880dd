import type { Sequelize, Transaction } from 'sequelize'
import { withTransaction } from '../database/transaction.js'
import type { Models, TelemetryDecision } from '../db/models.js'
import type { Decision } from '../db/telemetry-decision.js'
import { SCHEMA_VERSION } from '../telemetry/types.js'
import type { Settings } from './settings.js'

const RETRY_MS = 1_000

/** Descriptions of what is not saved yet, by `Decisions.unwritten`. */
export const UNWRITTEN = {
  refusal: 'Telemetry is off in this process, but the database could not save that: it does not survive a restart ' +
    'yet. It is saved as soon as the database works.',
  record: 'The decision is saved, but the database could not record who made it. It is recorded as soon as the ' +
    'database works; a restart before that loses it.'
}

/** A refusal holds in this process, but could not be written. It is written as soon as that works. */
export class DecisionNotSavedError extends Error {
  override readonly name = 'DecisionNotSavedError'
  readonly code = 'decision_not_saved'

  constructor (options: ErrorOptions) {
    super(UNWRITTEN.refusal, options)
  }
}

/**
 * Turns telemetry on or off, and records who did. Writes the setting `telemetry:enabled`, the record and, if telemetry
 * is turned on, the version of the ping that is agreed to, in one transaction.
 */
export class Decisions {
  readonly #sequelize: Sequelize
  readonly #models: Models
  readonly #settings: Settings
  #writing: Promise<unknown> = Promise.resolve()
  #release: (() => void) | undefined
  /** A refusal that holds only in this process, as it could not be written. */
  #unsaved: Decision | undefined
  /** Decisions in effect that could not be recorded, oldest first. */
  #unrecorded: Decision[] = []
  #retry: NodeJS.Timeout | undefined
  #retryRecord: NodeJS.Timeout | undefined

  constructor (sequelize: Sequelize, models: Models, settings: Settings) {
    this.#sequelize = sequelize
    this.#models = models
    this.#settings = settings
  }

  /** What could not be written yet: a refusal, or only the record of who decided. */
  get unwritten (): keyof typeof UNWRITTEN | undefined {
    if (this.#unsaved) return 'refusal'
    return this.#unrecorded.length > 0 ? 'record' : undefined
  }

  /**
   * Turns telemetry on or off. A refusal takes effect before it is written: it is held in memory, and cancels what
   * waits and what is in flight. If the database rejects only the record of a refusal, the setting is written without
   * it, and the record later. A consent without a record is not written.
   *
   * @throws DecisionNotSavedError if a refusal could not be written; the database's error if a consent could not
   */
  async decide (decision: Pick<Decision, 'enabled' | 'way' | 'who'>): Promise<void> {
    const recorded: Decision = { ...decision, action: 'decide', decidedAt: new Date(), schemaVersion: SCHEMA_VERSION }
    if (!decision.enabled) this.#release = this.#settings.hold('telemetry:enabled', false)
    // Writing this decision ends the refusals held before it, but none that is made while it is being written.
    const release = this.#release
    try {
      await this.#save(recorded, release)
    } catch (error) {
      if (decision.enabled) throw error
      this.#saveLater(recorded, release)
      throw new DecisionNotSavedError({ cause: error })
    }
  }

  /** Records an action other than turning telemetry on or off, later if necessary. Never throws. */
  async record (what: Pick<Decision, 'action' | 'way' | 'who'>): Promise<void> {
    const enabled = await this.#settings.refresh('telemetry:enabled').catch(() => undefined) === true
    this.#unrecorded.push({ ...what, enabled, decidedAt: new Date(), schemaVersion: SCHEMA_VERSION })
    await this.#recordNow()
  }

  /** The decisions, newest first, with those that could not be written yet. @throws the database's error */
  async list (): Promise<Decision[]> {
    const rows = await this.#models.TelemetryDecision.findAll({ order: [['id', 'DESC']] })
    return [...this.#pending(), ...rows.map(toDecision)]
  }

  /** The newest decision to turn telemetry on or off, if there is one. @throws the database's error */
  async last (): Promise<Decision | undefined> {
    const pending = this.#pending().find(({ action }) => action === 'decide')
    if (pending) return pending
    const row = await this.#models.TelemetryDecision.findOne({ where: { action: 'decide' }, order: [['id', 'DESC']] })
    return row ? toDecision(row) : undefined
  }

  /** Stops trying to write what could not be written, and waits for what is being written. */
  async close (): Promise<void> {
    this.#stopRetries()
    await this.#writing
    // What has failed meanwhile would be tried again.
    this.#stopRetries()
  }

  #stopRetries (): void {
    clearTimeout(this.#retry)
    clearTimeout(this.#retryRecord)
  }

  #pending (): Decision[] {
    const pending = this.#unsaved ? [...this.#unrecorded, this.#unsaved] : this.#unrecorded
    return pending.toSorted((one, other) => other.decidedAt.getTime() - one.decidedAt.getTime())
  }

  /** Writes decisions one after the other, in the order in which they were made. */
  #save (decision: Decision, release?: () => void, isDue = () => true): Promise<void> {
    return this.#inTurn(async () => {
      if (!isDue()) return
      await this.#write(decision)
      if (!decision.enabled) await this.#moveIntoFile()
      // Any decision that waits to be written is older than this one.
      if (release === this.#release) {
        clearTimeout(this.#retry)
        this.#unsaved = undefined
      }
      release?.()
      this.#settings.remember('telemetry:enabled', decision.enabled)
    })
  }

  #inTurn (write: () => Promise<void>): Promise<void> {
    const written = this.#writing.then(write)
    this.#writing = written.catch(() => {})
    return written
  }

  /** Writes the setting and its record; of a refusal only the setting, if the database rejects the record. */
  async #write (decision: Decision): Promise<void> {
    let refusal: unknown
    const writeSettings = (record?: (transaction: Transaction) => Promise<unknown>) => (
      withTransaction(this.#sequelize, async (transaction) => {
        const write = (key: string, value: unknown) => (
          this.#models.PlatformSetting.upsert({ key, value: JSON.stringify(value) }, { transaction }))
        await write('telemetry:enabled', decision.enabled)
        if (decision.enabled) await write('telemetry:schema', decision.schemaVersion)
        await record?.(transaction).catch((error: unknown) => {
          refusal = error
          throw error
        })
      }))
    const records = [...this.#unrecorded, decision]
    try {
      await writeSettings((transaction) => this.#models.TelemetryDecision.bulkCreate(records, { transaction }))
      this.#forgetRecorded(records)
    } catch (error) {
      if (error !== refusal || decision.enabled) throw error
      await writeSettings()
      this.#unrecorded.push(decision)
      this.#recordLater()
    }
  }

  /** Retries once a second, until the refusal or a later decision has been written. */
  #saveLater (decision: Decision, release?: () => void): void {
    if (release !== this.#release) return
    this.#unsaved = decision
    clearTimeout(this.#retry)
    // While a retry waits for its turn, a later decision may replace it.
    const isDue = () => this.#unsaved === decision
    this.#retry = setTimeout(() => {
      this.#save(decision, release, isDue).catch(() => { this.#saveLater(decision, release) })
    }, RETRY_MS).unref()
  }

  /** Records what is not recorded yet. Never throws. */
  #recordNow (): Promise<void> {
    return this.#inTurn(async () => {
      const records = [...this.#unrecorded]
      if (records.length > 0) await this.#models.TelemetryDecision.bulkCreate(records)
      this.#forgetRecorded(records)
    }).catch(() => { this.#recordLater() })
  }

  #forgetRecorded (records: Decision[]): void {
    this.#unrecorded = this.#unrecorded.filter((each) => !records.includes(each))
  }

  #recordLater (): void {
    clearTimeout(this.#retryRecord)
    this.#retryRecord = setTimeout(() => { void this.#recordNow() }, RETRY_MS).unref()
  }

  /**
   * Moves the refusal from SQLite's write-ahead log into the database file, so that a copy of only that file includes
   * it. Does not check the result: a reader can only keep the log from being emptied, after the refusal was moved.
   */
  async #moveIntoFile (): Promise<void> {
    if (this.#sequelize.getDialect() === 'sqlite') await this.#sequelize.query('PRAGMA wal_checkpoint(FULL)')
  }
}

function toDecision (row: TelemetryDecision): Decision {
  const { id, ...decision } = row.get({ plain: true })
  return decision
}
