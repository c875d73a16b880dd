import { maxAttempts } from './delivery/retry.js'
import { FAILURES, findByCode, STATUSES } from './failures.js'
import type { LoggedPing } from './types.js'

/**
 * Describes the outcome of a ping in a sentence or two that tell an administrator what to do.
 *
 * @param now the time from which the wait for the next attempt is counted
 */
export function describeOutcome (ping: LoggedPing, now = new Date()): string {
  const isRecorded = ping.url !== null && URL.canParse(ping.url)
  const host = isRecorded ? new URL(ping.url!).host : 'The receiver (destination not recorded)'
  switch (ping.outcome) {
    case 'delivered': return `${host} received it.`
    case 'unconfirmed': return `${host} answered ${ping.status}, but not as a collector does. ${UNCONFIRMED}`
    case 'cancelled': return `It was cancelled: ${ping.error?.replace(/\.$/, '')}.`
    case 'interrupted': return 'The platform stopped while it was being sent; whether it arrived is not known.'
    case 'failed': return describeFailure(ping, host)
    case 'pending': return describeProgress(ping, host, now)
  }
}

const UNCONFIRMED = 'A login page or a proxy may have answered in its place. ' +
  'Check telemetry.url in flowforge.yml, and whether this machine reaches the internet without a login.'

/** Describes a ping that is being sent, or waits for its next attempt: "Attempt 2 of 4, next in 40 s." */
function describeProgress (ping: LoggedPing, host: string, now: Date): string {
  const { kind, attempts, nextAttemptAt } = ping
  const seconds = nextAttemptAt ? Math.ceil((nextAttemptAt.getTime() - now.getTime()) / 1_000) : 0
  if (attempts === 0 && seconds > 0) return `It waits as the receiver asked: first attempt in ${inWords(seconds)}.`
  if (attempts === 0) return 'It is being sent.'
  const most = maxAttempts(kind)
  const failure = describeFailure(ping, host)
  if (seconds <= 0) return `It is being sent, attempt ${attempts + 1} of ${most}. Before: ${failure}`
  return `Attempt ${attempts} of ${most}, next in ${inWords(seconds)}. ${failure}`
}

const inWords = (seconds: number) => seconds < 100 ? `${seconds} s` : `${Math.round(seconds / 60)} min`

function describeFailure ({ status, errorCode, error }: LoggedPing, host: string): string {
  if (status !== null) {
    return [`${host} answered ${status}.`, findByCode(STATUSES, String(status))?.remedy].filter(Boolean).join(' ')
  }
  return describeNoAnswer(errorCode, error, host)
}

/** Describes why there was no answer. @param error the technical message, used for an unknown code */
export function describeNoAnswer (code: string | null, error: string | null, host: string): string {
  const failure = findByCode(FAILURES, code ?? '')
  if (failure) return `${failure.what.replace('{host}', host)} ${failure.remedy}`
  return `Nothing could be delivered to ${host}${error ? ` (${error})` : ''}.`
}
