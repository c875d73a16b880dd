/** Every state of telemetry, made from its facts, and the sentences that describe it, for docs/states.md. */
import { readTelemetryConfig } from '../src/telemetry/config.js'
import { decideConsent, decideForOperator, NO_INSTANCE_ID, refuseForHost } from '../src/telemetry/consent.js'
import { describeOutcome } from '../src/telemetry/describe-outcome.js'
import {
  describeChoice, describeDecision, describeDestination, describeReceiver, describeState
} from '../src/telemetry/describe-state.js'
import { FAILURES, STATUSES } from '../src/telemetry/failures.js'
import type { Consent, LoggedPing } from '../src/telemetry/types.js'

/** A state, by the facts that differ from those of `on`. */
export interface State {
  name: string
  /** The section `telemetry` of flowforge.yml. */
  section?: Record<string, unknown>
  environment?: Record<string, string>
  initialised?: boolean
  /** The setting `telemetry:enabled`; absent means on. */
  enabled?: boolean
  /** The refusal for what the host lacks, which the switch cannot change. */
  host?: Consent
  /** The refusal for what a ping lacks. */
  missing?: Consent
  /** The newest ping of the log, by what differs from a delivered one. */
  last?: Partial<LoggedPing>
}

export const NOW = new Date('2026-11-25T12:00:00Z')
const OTHER = 'https://telemetry.example.org/ping'

const failed = (ping: Partial<LoggedPing>): Partial<LoggedPing> => ({ outcome: 'failed', status: null, attempts: 4, ...ping })
const waiting = (seconds: number, ping: Partial<LoggedPing> = {}): Partial<LoggedPing> => ({
  outcome: 'pending', status: 503, nextAttemptAt: new Date(NOW.getTime() + seconds * 1_000), ...ping
})

/** A code that stands for a pattern of docs/network.md: `PROXY_4*` is `PROXY_400`. */
const example = (pattern: string) => pattern.replace(/(\d)\*$/, (_, digit: string) => `${digit}00`.slice(0, 3))
  .replace(/^\*(.+)\*$/, '$1').replaceAll('*', 'X')

export const STATES: State[] = [
  { name: 'on, no ping yet: the first minutes after the setup' },
  { name: 'on, the last ping delivered', last: {} },
  { name: 'off by an administrator', enabled: false },
  { name: 'off by an administrator, after a ping that failed', enabled: false, last: failed({ errorCode: 'ECONNREFUSED' }) },
  { name: 'off by flowforge.yml', section: { enabled: false } },
  { name: 'off by flowforge.yml and by an administrator', section: { enabled: false }, enabled: false },
  { name: 'off by flowforge.yml, another receiver', section: { enabled: false, url: OTHER } },
  { name: 'off by FF_TELEMETRY_DISABLED', environment: { FF_TELEMETRY_DISABLED: '1' } },
  { name: 'off by DO_NOT_TRACK', environment: { DO_NOT_TRACK: '1' } },
  { name: 'unclear: telemetry.enabled is a text', section: { enabled: 'off' } },
  { name: 'unclear: an unknown key in the section telemetry', section: { disabled: true } },
  { name: 'unclear: telemetry.url is not a URL', section: { url: 'ping.example.org' } },
  { name: 'unclear: a variable that reads like an opt-out', environment: { FF_DISABLE_TELEMETRY: '1' } },
  { name: 'unclear, another receiver', section: { enabled: 'off', url: OTHER } },
  { name: 'in the wizard', initialised: false },
  { name: 'in the wizard, turned off there', initialised: false, enabled: false },
  { name: 'in the wizard, another receiver on plain http', initialised: false, section: { url: 'http://telemetry.example.org' } },
  { name: 'in the wizard, off by flowforge.yml', initialised: false, section: { enabled: false } },
  { name: 'in the wizard, unclear: telemetry.url is not a URL', initialised: false, section: { url: 'ping.example.org' } },
  { name: 'in the wizard, off by DO_NOT_TRACK', initialised: false, environment: { DO_NOT_TRACK: '1' } },
  { name: 'the host lacks something', host: refuseForHost('the database app.db') },
  { name: 'no instanceId', missing: NO_INSTANCE_ID },
  { name: 'a ping is on its way', last: { outcome: 'pending', status: null, attempts: 0 } },
  { name: 'a ping waits as the receiver asked', last: waiting(90, { status: null, attempts: 0 }) },
  { name: 'a ping waits for its next attempt', last: waiting(40) },
  { name: 'the next attempt is on its way', last: waiting(-1) },
  { name: 'the last ping unconfirmed', last: { outcome: 'unconfirmed' } },
  { name: 'the last ping cancelled', last: { outcome: 'cancelled', status: null, error: 'the platform stops' } },
  { name: 'the last ping interrupted', last: { outcome: 'interrupted', status: null } },
  { name: 'a manual ping failed', last: failed({ kind: 'manual', attempts: 1, errorCode: 'ECONNREFUSED' }) },
  { name: 'the last ping went to another receiver than the next', section: { url: OTHER }, last: {} },
  { name: 'the last ping is of release 0.2.0', last: { url: null } },
  { name: 'another receiver', section: { url: OTHER } },
  { name: 'another receiver, off by an administrator', section: { url: OTHER }, enabled: false },
  { name: 'another receiver, the last ping failed', section: { url: OTHER }, last: failed({ url: OTHER, status: 404 }) },
  { name: 'plain http', section: { url: 'http://telemetry.example.org' } },
  ...FAILURES.map(({ codes }) => ({ name: `failing: \`${codes[0]}\``, last: failed({ errorCode: example(codes[0]!) }) })),
  { name: 'failing: a cause that is not foreseen', last: failed({ errorCode: 'EWEIRD', error: 'something new' }) },
  ...STATUSES.map(({ codes }) => {
    const status = Number(codes[0]!.replace('*', '00'))
    return { name: `failing: answered ${status}`, last: failed({ status, attempts: status >= 500 || status === 429 ? 4 : 1 }) }
  })
]

export const DELIVERED: LoggedPing = {
  id: 1,
  kind: 'daily',
  sentAt: NOW,
  idempotencyKey: '',
  url: 'https://ping.flowforge.com/',
  body: '{}',
  outcome: 'delivered',
  status: 200,
  attempts: 1,
  nextAttemptAt: null,
  durationMs: 100,
  contentType: 'application/json',
  receipt: '{}',
  errorCode: null,
  error: null
}

export interface Described {
  consent: Consent
  /** The page's heading. */
  heading: string
  /** Every sentence by where it is read; empty where it is not. The wizard ends before the Telemetry page opens. */
  sentences: Record<string, string>
}

/** Describes a state with the functions by which the page, the log, the command line and the API do. */
export function describeOne ({ section, environment = {}, initialised = true, enabled, host, missing, last }: State): Described {
  const config = readTelemetryConfig(section, () => 'flowforge.yml, line 3')
  const operator = host ?? decideForOperator(config, environment)
  const consent = missing ?? host ?? decideConsent({ config, environment, initialised, enabled })
  const { url } = config
  const ping = last && { ...DELIVERED, ...last }
  const { heading, sentence } = describeState(consent, ping, NOW)
  const receiver = describeReceiver(url)
  const facts = { enabled: enabled !== false, operator, url }
  return {
    consent,
    heading,
    sentences: {
      'page, heading': heading,
      'page, why; log; `status`; API, `explanation`': consent.explanation,
      'page, beside the switch': initialised ? describeDecision({ ...facts, consent }) : '',
      'page of other users': describeState(consent, undefined, NOW).sentence,
      'wizard, beside the switch': initialised ? '' : describeChoice(facts),
      '`status`, destination': describeDestination(consent, url),
      'page, last ping; `log`': ping ? describeOutcome(ping, NOW) : '',
      'first page, under the heading': sentence,
      'page, what becomes of a ping': receiver.keeping,
      'page and wizard, caution': receiver.caution
    }
  }
}

/** The rows of docs/states.md: of each state the sentences that differ from those of the first, each once. */
export function describeStates (): string[][] {
  const usual = describeOne(STATES[0]!).sentences
  return STATES.flatMap((state, index) => {
    const { sentences } = describeOne(state)
    const told = new Set<string>()
    const rows = Object.entries(sentences).filter(([where, sentence]) => {
      if (sentence === '' || (index > 0 && sentence === usual[where]) || told.has(sentence)) return false
      return told.add(sentence)
    })
    return rows.length === 0
      ? [[`**${state.name}**`, '', 'as in the first']]
      : rows.map(([where, sentence], row) => [row === 0 ? `**${state.name}**` : '', where, sentence.replaceAll('|', '\\|')])
  })
}
