const absolute = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long', timeZone: 'UTC' })
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

const UNITS = [['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]] as const

/** A moment in UTC: `24 Nov 2026, 03:12:10 UTC`. A script of the page turns it into the reader's time zone. */
export function formatMoment (moment: Date): string {
  return absolute.format(moment)
}

/** How far off a moment is: `in 5 hours`, `2 minutes ago`. */
export function formatDistance (moment: Date, now = new Date()): string {
  const seconds = Math.round((moment.getTime() - now.getTime()) / 1000)
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1]
  return relative.format(Math.trunc(seconds / size), unit)
}
