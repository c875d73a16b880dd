import type { Sequelize, Transaction } from 'sequelize'
import { timestamp, update } from './transaction.js'

const DAY_MS = 86_400_000

/**
 * Boot pings of replicas that start together fall within this time, and only one of them is sent. A restart is further
 * apart, because a platform sends its boot ping 30 seconds after it starts.
 */
const BOOT_WAVE_MS = 30_000

/** Limits the boot pings per hour, so that a crash loop does not send a flood. */
const HOUR_MS = 3_600_000
const MOST_BOOT_PINGS = 10

const CLAIM = `UPDATE "TelemetryClaims" SET "claimedAt" = $1
  WHERE kind = $2 AND ("claimedAt" < $3 OR "claimedAt" > $4)`

/** Pings from the future do not count: they were recorded before the clock was corrected. */
const CLAIM_BOOT = `${CLAIM} AND ${MOST_BOOT_PINGS} >
  (SELECT count(*) FROM "TelemetryPings" WHERE kind = $2 AND "sentAt" > $5 AND "sentAt" <= $1)`

/**
 * Claims a scheduled ping for this replica. Replicas share one database and have no leader: one conditional update
 * decides, and only one replica can win it.
 *
 * @param transaction the claim stands if and only if this is committed
 * @returns whether this replica won. At most one replica wins per boot wave and per UTC day, and at most ten boot pings
 * per hour are claimed
 */
export async function claimPing (
  sequelize: Sequelize, kind: 'boot' | 'daily', now: Date, transaction: Transaction | null
): Promise<boolean> {
  const time = now.getTime()
  const free = kind === 'daily' ? Math.floor(time / DAY_MS) * DAY_MS : time - BOOT_WAVE_MS
  // A claim more than a day ahead was made before the clock was corrected. It must not block pings until then.
  const bind = [timestamp(now), kind, timestamp(new Date(free)), timestamp(new Date(time + DAY_MS))]
  if (kind === 'daily') return await update(sequelize, CLAIM, bind, transaction) === 1
  return await update(sequelize, CLAIM_BOOT, [...bind, timestamp(new Date(time - HOUR_MS))], transaction) === 1
}
