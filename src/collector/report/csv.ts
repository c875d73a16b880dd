import { dateOf } from '../day.js'
import type { DailyRow } from './read-report.js'

/** Formats rows of `daily` as CSV (RFC 4180), with the day as a date. */
export function writeCsv (rows: DailyRow[]): string {
  const lines = rows.map(({ day, figure, bucket, value }) => [dateOf(day), figure, quote(bucket), value].join(','))
  return ['day,figure,bucket,value', ...lines, ''].join('\r\n')
}

/** Quotes a value. Puts an apostrophe before a possible formula, so that spreadsheets show it as text. */
function quote (text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
