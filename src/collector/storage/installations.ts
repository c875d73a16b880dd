/** `installations` has one row each: when an installation was heard, and its newest properties. */
import { pingColumns } from './columns.js'

/** Days that the bitmap tells apart. Bits 0 to 62 of a BIGINT, so that it is never negative. */
export const REMEMBERED_DAYS = 63

/**
 * An installation that was silent for so many days starts anew, as if it had never been heard. So the bitmap tells of
 * every installation all that the figures of the last week need.
 */
export const SILENT_DAYS = 56

/** All bits of the bitmap. */
export const ALL_DAYS = (2n ** BigInt(REMEMBERED_DAYS) - 1n).toString()

const properties = pingColumns.map(({ name }) => name).filter((name) => name !== 'instance_id')

/** The days from the newest ping that is known to this one; negative for a ping that comes late. */
const GAP = '(excluded.last_day - known.last_day)'

/**
 * A ping that is so far behind comes from a clock that is, and changes nothing; unless the row knows one day alone,
 * which then is the one of a clock ahead.
 */
const isFarBehind = `${GAP} <= -${SILENT_DAYS}`

const isAnew = `(${GAP} >= ${SILENT_DAYS} OR (${isFarBehind} AND known.days = 1))`

/** SQL of the bitmap after one more ping. `known` is the row before it, `excluded` a row made of the ping alone. */
const HEARD = `CASE WHEN ${isAnew} THEN 1
      WHEN ${isFarBehind} THEN known.days
      WHEN ${GAP} >= 0 THEN ((known.days << ${GAP}) & ${ALL_DAYS}) | 1
      ELSE known.days | (CAST(1 AS BIGINT) << -${GAP}) END`

const keep = (column: string) => `${column} = CASE WHEN ${isAnew} THEN excluded.${column} ELSE known.${column} END`
const take = (column: string) =>
  `${column} = CASE WHEN ${isAnew} OR ${GAP} >= 0 THEN excluded.${column} ELSE known.${column} END`

/**
 * Builds the statement that notes pings at their installations.
 *
 * @param source a table or query with at most one ping for each installation, its columns those of the ping, and
 * `day` and `network_hash`
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
