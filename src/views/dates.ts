const absolute = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long', timeZone: 'UTC' })
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

const UNITS = [['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]] as const

/** A moment, as `views/moment.eta` shows it. */
export interface DescribedMoment {
  iso: string
  text: string
  distance: string
}

/** Describes a moment for a page. @throws RangeError for an invalid date, so that no page is rendered halfway */
export function describeMoment (moment: Date, now = new Date()): DescribedMoment {
  return { iso: moment.toISOString(), text: formatMoment(moment), distance: formatDistance(moment, now) }
}

/** Formats a moment in UTC: `24 Nov 2026, 03:12:10 UTC`. The page's script converts it to the reader's time zone. */
export function formatMoment (moment: Date): string {
  return absolute.format(moment)
}

/** Formats the distance to a moment: `in 5 hours`, `2 minutes ago`. */
export function formatDistance (moment: Date, now = new Date()): string {
  const seconds = Math.round((moment.getTime() - now.getTime()) / 1000)
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1]
  return relative.format(Math.trunc(seconds / size), unit)
}

/** Formats a duration: `0.3 seconds`, `6 seconds`, `4 minutes`. */
export function formatDuration (milliseconds: number): string {
  const seconds = milliseconds / 1000
  if (seconds < 0.1) return 'under 0.1 seconds'
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))} ${seconds.toFixed(1) === '1.0' ? 'second' : 'seconds'}`
  const [unit, size] = UNITS.find(([, length]) => seconds >= 2 * length) ?? ['second', 1]
  return `${Math.round(seconds / size)} ${unit}s`
}
