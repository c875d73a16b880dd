import type { Sequelize } from 'sequelize'
import { withTransaction } from '../database/transaction.js'
import type { Models } from '../db/models.js'
import type { Decision } from '../db/telemetry-decision.js'
import { SCHEMA_VERSION } from '../telemetry/types.js'
import type { Settings } from './settings.js'

const RETRY_MS = 1_000

/** Telemetry is off in this process, but that could not be saved. It is saved as soon as the database works again. */
export class DecisionNotSavedError extends Error {
  override readonly name = 'DecisionNotSavedError'
  readonly code = 'decision_not_saved'

  constructor (options: ErrorOptions) {
    super('Telemetry is off in this process, but the database could not save that: it does not survive a restart ' +
      'yet. It is saved as soon as the database works.', options)
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
  #retry: NodeJS.Timeout | undefined

  constructor (sequelize: Sequelize, models: Models, settings: Settings) {
    this.#sequelize = sequelize
    this.#models = models
    this.#settings = settings
  }

  /**
   * Turns telemetry on or off. A refusal takes effect before it is written: it is held in memory, and cancels pings
   * that wait or are in flight.
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

  /** Records an action other than turning telemetry on or off. @throws the database's error */
  async record (what: Pick<Decision, 'action' | 'way' | 'who'>): Promise<void> {
    const enabled = await this.#settings.refresh('telemetry:enabled') === true
    await this.#models.TelemetryDecision.create({
      ...what, enabled, decidedAt: new Date(), schemaVersion: SCHEMA_VERSION
    })
  }

  /** Lists the recorded decisions, newest first. @throws the database's error */
  async list (): Promise<Decision[]> {
    const rows = await this.#models.TelemetryDecision.findAll({ order: [['id', 'DESC']] })
    return rows.map((row) => {
      const { id, ...decision } = row.get({ plain: true })
      return decision
    })
  }

  /** Stops retrying to write a refusal. */
  close (): void {
    clearTimeout(this.#retry)
  }

  /** Writes decisions one after the other, in the order in which they were made. */
  #save (decision: Decision, release?: () => void): Promise<void> {
    const saved = this.#writing.then(async () => {
      await withTransaction(this.#sequelize, async (transaction) => {
        const write = (key: string, value: unknown) => (
          this.#models.PlatformSetting.upsert({ key, value: JSON.stringify(value) }, { transaction }))
        await write('telemetry:enabled', decision.enabled)
        if (decision.enabled) await write('telemetry:schema', decision.schemaVersion)
        await this.#models.TelemetryDecision.create(decision, { transaction })
      })
      if (!decision.enabled) await this.#moveIntoFile()
      // A refusal that waits for a retry is older than this decision.
      if (release === this.#release) clearTimeout(this.#retry)
      release?.()
      this.#settings.remember('telemetry:enabled', decision.enabled)
    })
    this.#writing = saved.catch(() => {})
    return saved
  }

  /** Retries once a second, until the refusal or a later decision has been written. */
  #saveLater (decision: Decision, release?: () => void): void {
    if (release !== this.#release) return
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => {
      this.#save(decision, release).catch(() => { this.#saveLater(decision, release) })
    }, RETRY_MS).unref()
  }

  /**
   * Moves the refusal from SQLite's write-ahead log into the database file, so that a copy of that file alone includes
   * it. Does not check the result: a reader can only keep the log from being emptied, after the refusal was moved.
   */
  async #moveIntoFile (): Promise<void> {
    if (this.#sequelize.getDialect() === 'sqlite') await this.#sequelize.query('PRAGMA wal_checkpoint(FULL)')
  }
}
