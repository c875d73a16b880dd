import { QueryTypes, type Sequelize } from 'sequelize'
import { DAY, dayOf } from '../storage/salts.js'

/** How many installations sent a ping on that day, and in the 7 and the 30 days that end with it. */
export interface ActiveDay {
  /** `2026-11-23`, a day of UTC. */
  day: string
  onDay: number
  in7Days: number
  in30Days: number
}

/** Days that are reported, today included. */
const DAYS = 365
const LONGEST = 30

/** So many installations were heard on `day`, and not again for `stay` days; longer stays are not told apart. */
interface Stay {
  day: number
  stay: number
  installations: number
}

/** One walk through the index, whatever the number of windows: an installation stays until its next ping replaces this one. */
const STAYS = `SELECT day, stay, COUNT(*) AS installations FROM (
    SELECT day, CASE WHEN next - day <= ${LONGEST} THEN next - day ELSE ${LONGEST} END AS stay FROM (
      SELECT received_at / ${DAY} AS day,
        LEAD(received_at / ${DAY}) OVER (PARTITION BY instance_id ORDER BY received_at) AS next
      FROM pings WHERE received_at >= $1 AND received_at < $2
    ) AS heard
  ) AS stays GROUP BY day, stay`

/**
 * Counts the last year, or less if the first ping is younger, the oldest day first. A day that is over does not change
 * any more and is counted once; after the first time only the last month of pings is walked.
 */
export function activityCounter (db: Sequelize): (now: number) => Promise<ActiveDay[]> {
  let finished: ActiveDay[] = []
  return async (now) => {
    const today = dayOf(now)
    const known = finished.filter(({ day }) => dayOf(Date.parse(day)) < today)
    const next = known.length > 0 ? dayOf(Date.parse(known.at(-1)!.day)) + 1 : today - DAYS + 1
    const counted = [...known, ...await countDays(db, next, today)].slice(-DAYS)
    finished = counted.slice(0, -1)
    return counted
  }
}

/** @returns the days from `first` to `last`, without those before the first ping */
async function countDays (db: Sequelize, first: number, last: number): Promise<ActiveDay[]> {
  const found = await db.query<Record<keyof Stay, number | string>>(STAYS, {
    bind: [(first - LONGEST) * DAY, (last + 1) * DAY], type: QueryTypes.SELECT
  })
  const stays = found.map(({ day, stay, installations }) => (
    { day: Number(day), stay: Number(stay), installations: Number(installations) }))
  const earliest = stays.reduce((day, stay) => Math.min(day, stay.day), last)
  const [onDay, in7Days, in30Days] = [1, 7, LONGEST].map((window) => countActive(stays, window, earliest, last))
  const days = Array.from({ length: last - earliest + 1 }, (_, at) => (
    { day: dateOf(earliest + at), onDay: onDay![at]!, in7Days: in7Days![at]!, in30Days: in30Days![at]! }))
  return days.slice(Math.max(0, first - earliest))
}

const dateOf = (day: number) => new Date(day * DAY).toISOString().slice(0, 10)

/** For each day the installations whose newest ping by then is less than `window` days old. */
function countActive (stays: Stay[], window: number, first: number, last: number): number[] {
  const changes = new Array<number>(last - first + 2 + LONGEST).fill(0)
  for (const { day, stay, installations } of stays) {
    changes[day - first]! += installations
    changes[day - first + Math.min(stay, window)]! -= installations
  }
  let active = 0
  return changes.slice(0, last - first + 1).map((change) => (active += change))
}
