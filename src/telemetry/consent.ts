import type { TelemetrySection } from './config.js'

/** Who can say no. `host` is the platform itself, where it lacks something that a ping needs. */
export const DECIDERS = ['flowforge.yml', 'environment', 'host', 'setup', 'administrator'] as const

/** Whether a ping may be sent, who decided, and why, in one sentence for people. */
export interface Consent {
  allowed: boolean
  decidedBy: typeof DECIDERS[number]
  explanation: string
}

/** Consent says no; its explanation is the message. */
export class TelemetryOffError extends Error {
  readonly code = 'telemetry_off'
}

/** What a consent depends on, as it stands at the moment of sending. */
export interface ConsentFacts {
  section: TelemetrySection
  environment: Record<string, string | undefined>
  /** The setting `setup:initialised`, raw. */
  initialised: unknown
  /** The setting `telemetry:enabled`, raw. */
  enabled: unknown
}

/** Variables by which an operator says no to this telemetry, or to any. */
export const OPT_OUT_VARIABLES = ['FF_TELEMETRY_DISABLED', 'DO_NOT_TRACK']

/**
 * May a ping be sent? Only if nobody says no. Every switch can turn telemetry off, and none can turn it on against
 * another's no. The operator is heard first: a no of his is also the one that the administrator cannot change.
 */
export function decideConsent ({ section, environment, initialised, enabled }: ConsentFacts): Consent {
  const operator = decideForOperator(section, environment)
  if (operator) return operator
  if (initialised !== true) return refuse('setup', 'the setup is not finished, so nobody has decided yet')
  if (enabled !== true) return refuse('administrator', 'an administrator has turned it off in Admin Settings')
  return {
    allowed: true,
    decidedBy: 'administrator',
    explanation: 'Telemetry is on: the administrator allows it, and neither flowforge.yml nor the environment says no.'
  }
}

/** The operator's no, by flowforge.yml or by the environment; undefined where the operator leaves the choice. */
export function decideForOperator (
  section: TelemetrySection, environment: ConsentFacts['environment']
): Consent | undefined {
  if (!section.allowed) return refuse('flowforge.yml', section.reason)
  const variable = OPT_OUT_VARIABLES.find((name) => !['', '0', 'false'].includes(environment[name] ?? ''))
  if (variable) return refuse('environment', `the environment sets ${variable} to "${environment[variable]}"`)
  return undefined
}

/** The no of a platform that telemetry is embedded in, and that lacks what a ping needs. */
export function refuseForHost (lack: string): Consent {
  return refuse('host', `the platform it is embedded in lacks ${lack}`)
}

/** The no of a platform whose settings hold no `instanceId` that a ping could carry. */
export const NO_INSTANCE_ID = refuseForHost('the setting instanceId, a random UUID')

function refuse (decidedBy: Consent['decidedBy'], reason: string): Consent {
  return { allowed: false, decidedBy, explanation: `Telemetry is off: ${reason}.` }
}
