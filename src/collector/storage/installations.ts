/**
 * The table `installations` has one row per installation: the days on which it was heard, and its newest properties.
 */
import { pingColumns } from './columns.js'

/** The number of days in the bitmap: bits 0 to 62 of a BIGINT, so that it is never negative. */
export const REMEMBERED_DAYS = 63

/**
 * An installation that was silent for this many days is treated as new. So the bitmap of every installation covers all
 * days that the figures of the last week need.
 */
export const SILENT_DAYS = 56

/** All bits of the bitmap. */
export const ALL_DAYS = (2n ** BigInt(REMEMBERED_DAYS) - 1n).toString()

const properties = pingColumns.map(({ name }) => name).filter((name) => name !== 'instance_id')

/** SQL for the days from the newest stored ping to this one; negative if this one arrives late. */
const GAP = '(excluded.last_day - known.last_day)'

/**
 * SQL that checks whether a ping is so old that a collector's clock must have been wrong. It is ignored, unless the
 * row has only one day: then that day came from a clock that was ahead.
 */
const isFarBehind = `${GAP} <= -${SILENT_DAYS}`

const isAnew = `(${GAP} >= ${SILENT_DAYS} OR (${isFarBehind} AND known.days = 1))`

/** SQL for the bitmap after a ping. `known` is the stored row, `excluded` a row built from the ping alone. */
const HEARD = `CASE WHEN ${isAnew} THEN 1
      WHEN ${isFarBehind} THEN known.days
      WHEN ${GAP} >= 0 THEN ((known.days << ${GAP}) & ${ALL_DAYS}) | 1
      ELSE known.days | (CAST(1 AS BIGINT) << -${GAP}) END`

const keep = (column: string) => `${column} = CASE WHEN ${isAnew} THEN excluded.${column} ELSE known.${column} END`
const take = (column: string) =>
  `${column} = CASE WHEN ${isAnew} OR ${GAP} >= 0 THEN excluded.${column} ELSE known.${column} END`

/**
 * Builds the statement that updates installations with their pings.
 *
 * @param source a table or query with at most one ping per installation; its columns are those of the ping, `day` and
 * `network_hash`
 */
export function noteAtInstallations (source: string): string {
  return `INSERT INTO installations AS known
      (instance_id, days, first_day, last_day, introduced_by, ${properties.join(', ')})
    SELECT instance_id, 1, day, day, network_hash, ${properties.join(', ')} FROM ${source}
    WHERE true ORDER BY instance_id
    ON CONFLICT (instance_id) DO UPDATE SET
      days = ${HEARD},
      first_day = CASE WHEN ${isAnew} OR (NOT ${isFarBehind} AND excluded.first_day < known.first_day)
        THEN excluded.first_day ELSE known.first_day END,
      counted = CASE WHEN ${isAnew} THEN NULL ELSE known.counted END,
      leads = CASE WHEN ${isAnew} THEN NULL ELSE known.leads END,
      ${keep('introduced_by')},
      ${['last_day', ...properties].map(take).join(',\n      ')}`
}
