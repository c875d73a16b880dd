import type { Sequelize, Transaction } from 'sequelize'
import { timestamp, update } from './transaction.js'

const DAY_MS = 86_400_000

/** Replicas that start together reach their boot ping within this time; one that restarts takes longer. */
const BOOT_WAVE_MS = 30_000

const CLAIM = `UPDATE "TelemetryClaims" SET "claimedAt" = $1
  WHERE kind = $2 AND ("claimedAt" < $3 OR "claimedAt" > $4)`

/**
 * Claims a scheduled ping for this replica. Replicas share one database and have no leader: one conditional update
 * decides, and only one replica can win it.
 *
 * @param transaction the claim stands if and only if this is committed
 * @returns whether this replica won; at most one does, in each boot wave and on each UTC day
 */
export async function claimPing (
  sequelize: Sequelize, kind: 'boot' | 'daily', now: Date, transaction: Transaction | null
): Promise<boolean> {
  const time = now.getTime()
  const free = kind === 'daily' ? Math.floor(time / DAY_MS) * DAY_MS : time - BOOT_WAVE_MS
  // A claim more than a day ahead was made by a clock that has since been corrected. It must not block until then.
  const bind = [now, kind, new Date(free), new Date(time + DAY_MS)].map((value) => (
    value instanceof Date ? timestamp(value) : value))
  return await update(sequelize, CLAIM, bind, transaction) === 1
}
