import { randomUUID } from 'node:crypto'
import { Op } from 'sequelize'
import type { PlatformSetting } from '../db/models.js'

const PREFIX = 'telemetry:operator:'

/** Looks at which the refusal of another platform has not been renewed, until that counts as gone. */
const LOOKS_UNTIL_GONE = 3

/**
 * The operator's refusals of all platforms that run on one database: a row each, so that a replica whose environment
 * allows telemetry does not clear the refusal of another one. A running platform renews its row. The row of a killed
 * platform is removed by another one that has seen it unchanged for a while; with none running, it stays. No two clocks
 * are compared.
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
   * Why the operator of a running platform has turned telemetry off; undefined if none has.
   *
   * @throws the database's error
   */
  async read (): Promise<string | undefined> {
    const [first] = await this.#rows()
    return first && (JSON.parse(first.value) as { explanation: string }).explanation
  }

  /**
   * Leaves or renews the refusal of this platform, and removes those of platforms that are gone.
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
      // Unless it was renewed just now.
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
