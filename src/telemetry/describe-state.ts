import { DEFAULT_URL } from './config.js'
import { describeOutcome } from './describe-outcome.js'
import type { Consent, LoggedPing } from './types.js'

/** How long FlowForge's collector keeps a ping. */
export const RETENTION_DAYS = 90

/** The contact for questions about FlowForge's collector. */
export const CONTACT_URL = 'https://flowforge.com'

const WHEN = '30 seconds after each start and once every 24 hours'

/** The receiver of pings, in words. */
export interface Receiver {
  host: string
  isOfficial: boolean
  /** Who receives pings, as the end of a sentence. */
  who: string
  /** How long the receiver keeps pings. */
  keeping: string
  /** A warning about the connection; empty if it is encrypted. */
  caution: string
  /** The contact of its operators; empty if unknown. */
  contact: string
}

/** Used while flowforge.yml does not name the receiver clearly. No ping is sent then. */
const UNKNOWN: Receiver = {
  host: 'the receiver',
  isOfficial: false,
  who: 'a receiver that is not known while flowforge.yml is unclear',
  keeping: 'Who the receiver is, what it keeps, and for how long, is not known while flowforge.yml is unclear.',
  caution: '',
  contact: ''
}

/** Describes the receiver. Promises nothing for one that is not FlowForge's. @param url null if it is unknown */
export function describeReceiver (url: string | null): Receiver {
  if (url === null) return UNKNOWN
  const { host, origin, protocol } = new URL(url)
  const isOfficial = origin === new URL(DEFAULT_URL).origin
  return {
    host,
    isOfficial,
    who: isOfficial
      ? `the FlowForge team at ${host}`
      : `${host}, the receiver that the operator of this platform chose`,
    keeping: isOfficial
      ? `The FlowForge team keeps each ping for ${RETENTION_DAYS} days, ` +
        'and with it a keyed hash of the network address it came from. ' +
        'Once the following day is over, nobody can find out any more which address that was.'
      : `What ${host} keeps, and for how long, is decided by its operator; the FlowForge team makes no promise.`,
    caution: protocol === 'http:'
      ? 'The connection is not encrypted (http): anybody on the network path can read and change what is sent.'
      : '',
    contact: isOfficial ? CONTACT_URL : ''
  }
}

/** The sentence of the command line on where pings go. */
export function describeDestination ({ allowed }: Consent, url: string | null): string {
  if (url === null) return 'No ping is posted. Where pings would go is not known while flowforge.yml is unclear.'
  return allowed ? `Pings are posted to ${url}.` : `No ping is posted. If telemetry were on, pings would go to ${url}.`
}

/** The facts that the sentence beside a switch depends on. */
export interface DecisionFacts {
  /** The setting `telemetry:enabled`. */
  enabled: boolean
  /** The refusal that the switch cannot change, if there is one. */
  operator: Consent | undefined
  /** Consent as a whole; undefined if it could not be read. */
  consent: Consent | undefined
  url: string | null
}

/** Describes the current state beside the switch of the Telemetry page: what is sent, to whom, and how to change it. */
export function describeDecision ({ enabled, operator, consent, url }: DecisionFacts): string {
  if (operator) {
    const next = enabled
      ? 'Once that no longer holds, telemetry is on again, because the platform\'s settings allow it.'
      : 'Once that no longer holds, telemetry stays off until an administrator turns it on here.'
    return `${operator.explanation} Nothing on this page can change that. ${next}`
  }
  const message = `one small message goes to ${describeReceiver(url).who}, ${WHEN}`
  if (!enabled) return `Telemetry is off until an administrator turns it on here; then ${message}.`
  if (consent?.allowed) return `Telemetry is on unless you turn it off here: ${message}.`
  if (!consent) {
    return 'Whether a ping may be sent cannot be told at the moment, so none is sent. ' +
      `Once it can, telemetry is on unless you turn it off here: ${message}.`
  }
  const obstacle = consent.decidedBy === 'setup'
    ? 'Once the setup is finished'
    : `${consent.explanation} Once that is corrected`
  return `${obstacle}, telemetry is on unless you turn it off here: ${message}.`
}

/** Describes the effect of the switch in the setup wizard. */
export function describeChoice ({ enabled, operator, url }: Omit<DecisionFacts, 'consent'>): string {
  if (operator) {
    return `${operator.explanation} Nothing here can change that. ` +
      'Once that no longer holds, telemetry stays off until an administrator turns it on in Admin Settings.'
  }
  const start = enabled
    ? 'Telemetry is on unless you turn it off here: '
    : 'Telemetry is off unless you turn it on here: then '
  return `${start}one small message goes to ${describeReceiver(url).who}, ${WHEN}; ` +
    'an administrator can change this at any time in Admin Settings.'
}

/** A summary of the state of telemetry. */
export interface DescribedState {
  tone: 'on' | 'warning' | 'off'
  heading: string
  sentence: string
}

/** Describes the state, and whether the last ping arrived. @param last the newest ping of the log, if any */
export function describeState (consent: Consent, last: LoggedPing | undefined, now = new Date()): DescribedState {
  const problem = consent.allowed && last ? problemOf(last) : undefined
  const heading = `Telemetry is ${consent.allowed ? 'on' : 'off'}`
  if (!problem) return { tone: consent.allowed ? 'on' : 'off', heading, sentence: consent.explanation }
  return { tone: 'warning', heading: `${heading}, but ${problem}`, sentence: describeOutcome(last!, now) }
}

function problemOf ({ outcome, attempts }: LoggedPing): string | undefined {
  switch (outcome) {
    case 'unconfirmed': return 'the last ping was not confirmed'
    case 'failed': return 'the last ping was not delivered'
    case 'interrupted': return 'the last ping may not have arrived'
    case 'pending': return attempts > 0 ? 'the last ping is not delivered yet' : undefined
    case 'delivered':
    case 'cancelled': return undefined
  }
}
