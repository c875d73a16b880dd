import { describeOutcome } from '../telemetry/describe-outcome.js'
import type { LoggedPing } from '../telemetry/index.js'
import { describeMoment, formatDuration, type DescribedMoment } from '../views/dates.js'
import { compareReceipt, type Comparison } from './compare-receipt.js'

/** Longer texts are cut on a page; the download has the whole text. */
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

/** All of one ping of the log: what was sent, and what the collector kept. */
export interface LoggedDetail extends LoggedLine {
  url: string | null
  body: string
  error: string
  compared?: Comparison
  receipt: string
  isReceiptCut: boolean
}

/** Describes one line of the log. @throws RangeError for a row without a valid time */
export function describeLine (ping: LoggedPing): LoggedLine {
  const { id, kind, outcome, attempts, durationMs, sentAt } = ping
  const tries = attempts === 1 ? '1 attempt' : `${attempts} attempts`
  return {
    id,
    kind,
    outcome,
    moment: describeMoment(sentAt),
    effort: durationMs === null ? tries : `${tries}, ${formatDuration(durationMs)}`,
    words: cut(describeOutcome(ping), LONGEST_WORDS)
  }
}

/** Describes the lines of the log. A damaged row does not affect the others. */
export function describeLines (pings: LoggedPing[]): (LoggedLine | { id: number, problem: string })[] {
  return pings.map((ping) => {
    try {
      return describeLine(ping)
    } catch {
      return { id: ping.id, problem: 'This entry of the log is damaged and cannot be shown.' }
    }
  })
}

/** Describes one ping of the log. @throws RangeError for a row without a valid time */
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
