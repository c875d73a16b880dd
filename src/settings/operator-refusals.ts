import { randomUUID } from 'node:crypto'
import { Op } from 'sequelize'
import type { PlatformSetting } from '../db/models.js'

const PREFIX = 'telemetry:operator:'

/** A refusal is removed after it has been found unchanged this many times, as its platform has ended. */
const LOOKS_UNTIL_GONE = 3

/**
 * Stores the operator's refusals of all platforms that run on one database, one row each, so that a replica whose
 * environment allows telemetry does not clear the refusal of another.
 *
 * A running platform renews its row. If a platform was killed, another one removes its row after it has found it
 * unchanged for a while; if no other platform runs, the row stays. Clocks of different machines are never compared.
 */
export class OperatorRefusals {
  readonly #model: typeof PlatformSetting
  readonly #key = PREFIX + randomUUID()
  #seen = new Map<string, { value: string, looks: number }>()
  #renewals = 0

  constructor (model: typeof PlatformSetting) {
    this.#model = model
  }

  /**
   * Reads why the operator of a running platform has turned telemetry off; undefined if none has.
   *
   * @throws the database's error
   */
  async read (): Promise<string | undefined> {
    const [first] = await this.#rows()
    return first && (JSON.parse(first.value) as { explanation: string }).explanation
  }

  /**
   * Stores or renews the refusal of this platform, and removes those of platforms that are gone.
   *
   * @throws the database's error
   */
  async renew (explanation: string | undefined): Promise<void> {
    if (explanation !== undefined) {
      await this.#model.upsert({ key: this.#key, value: JSON.stringify({ explanation, renewals: this.#renewals++ }) })
    }
    const seen = this.#seen
    this.#seen = new Map()
    for (const { key, value } of await this.#rows()) {
      const looks = seen.get(key)?.value === value ? seen.get(key)!.looks + 1 : 0
      if (looks < LOOKS_UNTIL_GONE) this.#seen.set(key, { value, looks })
      // The value is part of the condition, in case the row was renewed just now.
      else await this.#model.destroy({ where: { key, value } })
    }
  }

  /** Removes the refusal of this platform. @throws the database's error */
  async withdraw (): Promise<void> {
    await this.#model.destroy({ where: { key: this.#key } })
  }

  #rows (): Promise<PlatformSetting[]> {
    return this.#model.findAll({ where: { key: { [Op.like]: `${PREFIX}%` } }, order: ['key'] })
  }
}
