import type { Sequelize, Transaction } from 'sequelize'
import { timestamp, update } from './transaction.js'

const DAY_MS = 86_400_000

/**
 * Replicas that start together reach their boot ping within this time. A platform that restarts takes longer, because its
 * own boot ping leaves 30 seconds after the start: three starts within a minute send three.
 */
const BOOT_WAVE_MS = 30_000

/** Of boot pings within an hour: a platform that crashes again and again sends no flood. */
const HOUR_MS = 3_600_000
const MOST_BOOT_PINGS = 10

const CLAIM = `UPDATE "TelemetryClaims" SET "claimedAt" = $1
  WHERE kind = $2 AND ("claimedAt" < $3 OR "claimedAt" > $4)`

/** A ping from the future was recorded by a clock that has since been corrected, and does not count. */
const CLAIM_BOOT = `${CLAIM} AND ${MOST_BOOT_PINGS} >
  (SELECT count(*) FROM "TelemetryPings" WHERE kind = $2 AND "sentAt" > $5 AND "sentAt" <= $1)`

/**
 * Claims a scheduled ping for this replica. Replicas share one database and have no leader: one conditional update
 * decides, and only one replica can win it.
 *
 * @param transaction the claim stands if and only if this is committed
 * @returns whether this replica won; at most one does, in each boot wave and on each UTC day, and ten boot pings an hour
 */
export async function claimPing (
  sequelize: Sequelize, kind: 'boot' | 'daily', now: Date, transaction: Transaction | null
): Promise<boolean> {
  const time = now.getTime()
  const free = kind === 'daily' ? Math.floor(time / DAY_MS) * DAY_MS : time - BOOT_WAVE_MS
  // A claim more than a day ahead was made by a clock that has since been corrected. It must not block until then.
  const bind = [timestamp(now), kind, timestamp(new Date(free)), timestamp(new Date(time + DAY_MS))]
  if (kind === 'daily') return await update(sequelize, CLAIM, bind, transaction) === 1
  return await update(sequelize, CLAIM_BOOT, [...bind, timestamp(new Date(time - HOUR_MS))], transaction) === 1
}
