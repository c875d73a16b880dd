import { maxAttempts } from './delivery/retry.js'
import type { LoggedPing } from './types.js'

const PROXY = 'If this machine reaches the internet through a proxy, set HTTPS_PROXY, ' +
  'or HTTP_PROXY for an http address.'

/** By the error code of Node.js or undici: what happened, and what an administrator can do. */
const NETWORK_ERRORS: [code: RegExp, words: (host: string) => string][] = [
  [/^(ENOTFOUND|EAI_AGAIN)/, (host) => `${host} could not be resolved. Check the DNS of this machine. ${PROXY}`],
  [/^ECONNREFUSED/, (host) => `${host}, or the proxy on the way there, refused the connection. ` +
    `Check telemetry.url in flowforge.yml and the firewall. ${PROXY}`],
  [/^(ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT|EHOSTUNREACH|ENETUNREACH)/, (host) => `${host} could not be reached in time. ` +
    `Check whether a firewall stops outgoing connections. ${PROXY}`],
  [/^UND_ERR_(HEADERS|BODY)_TIMEOUT/, (host) => `${host} took the ping but did not answer in time. ` +
    'It may be busy; nothing to do here.'],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)/, (host) => `The connection to ${host} broke off. ` +
    'A firewall or a proxy on the way may have cut it.'],
  [/CERT|SELF_SIGNED|UNABLE_TO_|^ERR_TLS/, (host) => `The certificate of ${host} is not trusted. ` +
    'If a proxy decrypts connections on the way, set NODE_EXTRA_CA_CERTS to its certificate.']
]

/** By the status of the collector's answer. */
const STATUSES: [status: RegExp, advice: string][] = [
  [/^3/, 'It is a redirect, which is not followed. Put the final address into telemetry.url in flowforge.yml.'],
  [/^407/, 'The proxy on the way asks for a name and a password. Put them into HTTPS_PROXY.'],
  [/^404/, 'There is no collector at this address. Check telemetry.url in flowforge.yml.'],
  [/^429/, 'It has had too many pings from this address. Try again later.'],
  [/^5/, 'It has a problem of its own; nothing to do here.'],
  [/^4/, 'It does not take this ping. A newer FlowForge may help, or another telemetry.url in flowforge.yml.']
]

/**
 * Describes what became of a ping, in a sentence or two on which an administrator can act.
 *
 * @param now when it is read: a ping that waits is told by the time that is left
 */
export function describeOutcome (ping: LoggedPing, now = new Date()): string {
  const host = ping.url === null ? 'The receiver (destination not recorded)' : new URL(ping.url).host
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
  if (attempts === 0) return seconds > 0 ? `It waits as the receiver asked: first attempt in ${inWords(seconds)}.` : 'It is being sent.'
  if (seconds <= 0) return `It is being sent, attempt ${attempts + 1} of ${maxAttempts(kind)}. Before: ${describeFailure(ping, host)}`
  return `Attempt ${attempts} of ${maxAttempts(kind)}, next in ${inWords(seconds)}. ${describeFailure(ping, host)}`
}

const inWords = (seconds: number) => seconds < 100 ? `${seconds} s` : `${Math.round(seconds / 60)} min`

function describeFailure ({ status, errorCode }: LoggedPing, host: string): string {
  if (status === null) return describeNetworkError(errorCode, host) ?? `The ping could not be delivered to ${host}.`
  const advice = STATUSES.find(([pattern]) => pattern.test(String(status)))?.[1]
  return [`${host} answered ${status}.`, advice].filter(Boolean).join(' ')
}

/** Describes why a receiver could not be reached, by the error's code; undefined for a code that is not known. */
export function describeNetworkError (code: string | null | undefined, host: string): string | undefined {
  return NETWORK_ERRORS.find(([pattern]) => pattern.test(code ?? ''))?.[1](host)
}
