import { describeOutcome } from '../telemetry/describe-outcome.js'
import type { LoggedPing } from '../telemetry/index.js'
import { describeMoment, formatDuration, type DescribedMoment } from '../views/dates.js'
import { compareReceipt, type Comparison } from './compare-receipt.js'

/** Longer texts are cut on a page, and downloaded whole. */
const LONGEST_TEXT = 8_000
const LONGEST_WORDS = 400

/** A line of the log. */
export interface LoggedLine {
  id: number
  kind: LoggedPing['kind']
  outcome: LoggedPing['outcome']
  moment: DescribedMoment
  /** For example `2 attempts, 6 seconds`. */
  effort: string
  words: string
}

/** One ping of the log as a whole: what was sent, beside what was kept. */
export interface LoggedDetail extends LoggedLine {
  url: string | null
  body: string
  error: string
  compared?: Comparison
  receipt: string
  isReceiptCut: boolean
}

/** @throws RangeError for a row without a valid time */
export function describeLine (ping: LoggedPing): LoggedLine {
  const { id, kind, outcome, attempts, durationMs, sentAt } = ping
  const effort = [attempts === 1 ? '1 attempt' : `${attempts} attempts`, ...durationMs === null ? [] : [formatDuration(durationMs)]]
  return { id, kind, outcome, moment: describeMoment(sentAt), effort: effort.join(', '), words: cut(describeOutcome(ping), LONGEST_WORDS) }
}

/** The lines of the log. A row that is damaged fails alone. */
export function describeLines (pings: LoggedPing[]): (LoggedLine | { id: number, problem: string })[] {
  return pings.map((ping) => {
    try {
      return describeLine(ping)
    } catch {
      return { id: ping.id, problem: 'This entry of the log is damaged and cannot be shown.' }
    }
  })
}

/** @throws RangeError for a row without a valid time */
export function describeDetail (ping: LoggedPing): LoggedDetail {
  const { url, body, errorCode, error } = ping
  const receipt = ping.receipt ?? ''
  return {
    ...describeLine(ping),
    url,
    body,
    error: cut([errorCode, error].filter(Boolean).join(': '), LONGEST_WORDS),
    compared: compareReceipt(body, receipt),
    receipt: receipt.slice(0, LONGEST_TEXT),
    isReceiptCut: receipt.length > LONGEST_TEXT
  }
}

const cut = (text: string, length: number) => text.length > length ? `${text.slice(0, length)}…` : text
