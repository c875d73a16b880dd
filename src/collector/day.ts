/** Days are UTC days, counted from 1 January 1970. */

/** Milliseconds in a day of UTC, which has no daylight saving time. */
export const DAY = 86_400_000

/** Returns the day of a moment in milliseconds since 1970. */
export function dayOf (moment: number): number {
  return Math.floor(moment / DAY)
}

/** Returns the date of a day: `2026-11-23`. */
export function dateOf (day: number): string {
  return new Date(day * DAY).toISOString().slice(0, 10)
}

/** Returns the day of a date such as `2026-11-23`; undefined if there is no such date. */
export function dayOfDate (date: string): number | undefined {
  const day = dayOf(Date.parse(`${date}T00:00:00Z`))
  return !Number.isNaN(day) && dateOf(day) === date ? day : undefined
}
