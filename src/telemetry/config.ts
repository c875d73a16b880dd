import { inspect } from 'node:util'
import { Type, type Static } from 'typebox'

const DEFAULT_URL = 'https://ping.flowforge.com'

/** The `telemetry` section of flowforge.yml: its keys, their defaults and what they mean. */
export const telemetrySection = Type.Object({
  enabled: Type.Boolean({
    default: true,
    description: 'false turns telemetry off, whatever the administrator says. Anything but true or false does, too.'
  }),
  url: Type.String({
    default: DEFAULT_URL,
    description: 'Where the ping is posted to: an http or https URL.'
  }),
  frontend: Type.Unknown({ description: 'Of other releases; ignored.' }),
  backend: Type.Unknown({ description: 'Of other releases; ignored.' }),
  plausible: Type.Unknown({ description: 'Of other releases; ignored.' })
}, { additionalProperties: false })

/** What flowforge.yml says of telemetry. */
export interface TelemetrySection {
  allowed: boolean
  url: string
  /** Why it is off; empty where it is not. */
  reason: string
  /** Whether it is off because something was unclear, and not because the operator plainly said so. */
  doubtful: boolean
}

type Locate = (...path: string[]) => string

/**
 * Judges the raw `telemetry` section. Whatever is not plainly a yes, or silence, is a no.
 *
 * @param raw the section as parsed; an Error where it could not be, with the reason as its message
 * @param locate where a key stands, in words; a host may have something else under this name, or nothing
 */
export function readSection (raw: unknown, locate?: Locate): TelemetrySection {
  return judge(raw, typeof locate === 'function' ? locate : () => 'flowforge.yml')
}

function judge (raw: unknown, locate: Locate): TelemetrySection {
  const doubt = findDoubt(raw, locate)
  if (doubt) return { allowed: false, url: DEFAULT_URL, reason: doubt, doubtful: true }
  const { enabled, url = DEFAULT_URL } = (raw ?? {}) as Partial<Static<typeof telemetrySection>>
  const reason = enabled === false ? `${locate('telemetry', 'enabled')}, sets telemetry.enabled to false` : ''
  return { allowed: enabled !== false, url, reason, doubtful: false }
}

function findDoubt (raw: unknown, locate: Locate): string | undefined {
  if (raw === undefined || raw === null) return undefined
  if (raw instanceof Error) return raw.message
  if (typeof raw !== 'object' || Array.isArray(raw)) {
    return `${locate('telemetry')}, sets telemetry to ${show(raw)}, which is not a section of keys`
  }
  for (const [key, value] of Object.entries(raw)) {
    const says = `${locate('telemetry', key)}, sets telemetry.${key} to ${show(value)}`
    if (!Object.hasOwn(telemetrySection.properties, key)) return `${says}, and there is no such key`
    if (key === 'enabled' && typeof value !== 'boolean') return `${says}, which is neither true nor false`
    if (key === 'url' && !isPostable(value)) return `${says}, which is not an http or https URL`
  }
  return undefined
}

function isPostable (value: unknown): boolean {
  // URL itself would mend what is mistyped: white space in the middle, a slash too few.
  if (typeof value !== 'string' || !/^https?:\/\/[^\s/]\S*$/i.test(value) || !URL.canParse(value)) return false
  const { username, password } = new URL(value)
  return !username && !password
}

const show = (value: unknown) => inspect(value, { breakLength: Infinity, depth: 1 })
