import { inspect } from 'node:util'

export const DEFAULT_URL = 'https://ping.flowforge.com'

const IGNORED = { description: 'Of other releases; ignored.' }

/** The `telemetry` section of flowforge.yml: its keys, their defaults and what they mean, as a JSON Schema. */
export const telemetryConfigSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    enabled: {
      type: 'boolean',
      default: true,
      description: 'false turns telemetry off, whatever the administrator decides. So does anything but true or false.'
    },
    url: {
      type: 'string',
      default: DEFAULT_URL,
      description: 'Where the ping is posted to: an http or https URL without a user name and password.'
    },
    anonymize: IGNORED,
    frontend: IGNORED,
    backend: IGNORED,
    plausible: IGNORED,
    google: IGNORED
  }
}

/** The operator's configuration of telemetry, validated. */
export interface TelemetryConfig {
  allowed: boolean
  /** Where pings go; null if the file may name a receiver, but not clearly. Never null while telemetry is allowed. */
  url: string | null
  /** Why it is off, without a final full stop; empty if it is not. */
  reason: string
  /** Whether it is off because something is unclear, rather than set to false. */
  doubtful: boolean
}

/** Returns the place of a key in words: `flowforge.yml, line 3`. */
export type Locate = (...path: string[]) => string

/** Refuses because something is unclear. @param reason without a final full stop */
export function doubt (reason: string): TelemetryConfig {
  return { allowed: false, url: null, reason, doubtful: true }
}

/**
 * Validates the raw `telemetry` section. Anything other than absent or valid counts as disabled. A key whose value is
 * undefined counts as absent.
 *
 * @param raw the section as parsed; an Error if it could not be parsed, with the reason as its message
 * @param locate a Locate; anything else is ignored, because the host's `locate` may be something unrelated
 */
export function readTelemetryConfig (raw: unknown, locate?: unknown): TelemetryConfig {
  const place = typeof locate === 'function' ? locate as Locate : () => 'flowforge.yml'
  const problem = findProblem(raw, place)
  const url = readUrl(raw)
  if (problem) return { ...doubt(problem), url }
  const { enabled } = (raw ?? {}) as { enabled?: boolean }
  const reason = enabled === false ? `${place('telemetry', 'enabled')}, sets telemetry.enabled to false` : ''
  return { allowed: enabled !== false, url, reason, doubtful: false }
}

/**
 * Reads the receiver, also while another key is wrong. An unknown key can be a mistyped `url`, and a text the URL
 * itself: the default is not the receiver then.
 */
function readUrl (raw: unknown): string | null {
  if (typeof raw === 'string' && !YES_OR_NO.test(raw)) return null
  if (typeof raw !== 'object' || raw === null) return DEFAULT_URL
  const url = namedUrl(raw)
  if (url !== undefined) return url
  const entries = Object.entries(raw).filter(([, value]) => value !== undefined)
  return raw instanceof Error || Array.isArray(raw) || !entries.every(([key]) => isKnown(key)) ? null : DEFAULT_URL
}

/** The receiver that the section names; null if that is no URL to post to; undefined if it names none. */
export function namedUrl (raw: unknown): string | null | undefined {
  const { url } = (raw ?? {}) as { url?: unknown }
  if (url === undefined) return undefined
  return isPostable(url) ? url : null
}

const isKnown = (key: string) => Object.hasOwn(telemetryConfigSchema.properties, key)

function findProblem (raw: unknown, locate: Locate): string | undefined {
  if (raw === undefined || raw === null) return undefined
  if (raw instanceof Error) return raw.message
  if (typeof raw !== 'object' || Array.isArray(raw)) {
    return `${locate('telemetry')}, sets telemetry to ${showValue(raw)} instead of a section of keys. ` +
      'Write "telemetry: { enabled: false }", or remove it to leave the choice to the administrator, and restart'
  }
  for (const [key, value] of Object.entries(raw)) {
    const problem = value === undefined ? undefined : findProblemOfKey(key, value)
    if (problem) return `${locate('telemetry', key)}, ${problem}, and restart`
  }
  return undefined
}

function findProblemOfKey (key: string, value: unknown): string | undefined {
  if (!isKnown(key)) {
    return `has the unknown key telemetry.${key}. Did you mean "enabled" or "url"? Correct or remove it`
  }
  if (key === 'enabled' && typeof value !== 'boolean') {
    return `sets telemetry.enabled to ${showValue(value)}, which is neither true nor false. Write true or false`
  }
  if (key === 'url' && !isPostable(value)) {
    return 'sets telemetry.url to something other than an http or https URL without a user name and password. ' +
      'Correct it'
  }
  return undefined
}

function isPostable (value: unknown): value is string {
  // URL alone would silently repair typing mistakes, such as white space in the middle or a missing slash.
  if (typeof value !== 'string' || !/^https?:\/\/[^\s/]\S*$/i.test(value) || !URL.canParse(value)) return false
  const { username, password } = new URL(value)
  return !username && !password
}

/** Texts that people write for true or false. */
const YES_OR_NO = /^(yes|no|on|off|true|false|y|n|never|none|enabled?|disabled?)$/i

/** Describes a value without printing text that may be a secret on the wrong line. */
export function showValue (value: unknown): string {
  if (typeof value === 'string') return YES_OR_NO.test(value) ? inspect(value) : 'a text'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'a section' : String(value)
}
