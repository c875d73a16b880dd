import type { TelemetryConfig } from './config.js'
import { readsLikeOptOutVariable } from './opt-out-words.js'
import type { Consent } from './types.js'

/** What consent depends on, read at the moment of sending. */
export interface ConsentFacts extends SettingFacts {
  config: TelemetryConfig
  environment: Record<string, string | undefined>
}

/** What it depends on besides the operator. */
export interface SettingFacts {
  /** The setting `setup:initialised`, unvalidated. */
  initialised: unknown
  /** The setting `telemetry:enabled`, unvalidated. */
  enabled: unknown
}

/** Environment variables by which an operator turns off this telemetry, or any. */
export const OPT_OUT_VARIABLES = ['FF_TELEMETRY_DISABLED', 'DO_NOT_TRACK']

/**
 * Decides whether a ping may be sent. Every switch can turn telemetry off, and none can override another that is off.
 * Operator settings are checked first; an administrator cannot override them.
 *
 * @returns the decision, who made it, and why; never throws
 */
export function decideConsent ({ config, environment, ...facts }: ConsentFacts): Consent {
  return decideForOperator(config, environment) ?? decideBySettings(facts)
}

/** Decides by the settings of the platform, where the operator leaves the choice. */
export function decideBySettings ({ initialised, enabled }: SettingFacts): Consent {
  if (initialised !== true) return refuse('setup', 'the setup is not finished')
  // Absent means on. Anything else, for example the text "false", counts as off.
  if (enabled !== true && enabled !== undefined) {
    return refuse('administrator', 'the platform\'s settings say so; an administrator can change that in Admin Settings')
  }
  return {
    allowed: true,
    decidedBy: 'administrator',
    explanation: 'Telemetry is on: the platform\'s settings allow it, and neither flowforge.yml nor the environment turns it off.'
  }
}

/** Decides for the operator, by flowforge.yml and the environment; undefined where they leave the choice. */
export function decideForOperator (
  config: TelemetryConfig, environment: ConsentFacts['environment']
): Consent | undefined {
  if (!config.allowed) return refuse('flowforge.yml', config.reason)
  const variable = OPT_OUT_VARIABLES.find((name) => isSet(environment[name]))
  if (variable) return refuse('environment', `the environment variable ${variable} is set`)
  const mistyped = findMistypedVariable(environment)
  if (!mistyped) return undefined
  return refuse('environment', `the environment variable ${mistyped} is set, which reads like a mistyped opt-out. ` +
    `Did you mean ${OPT_OUT_VARIABLES[0]}? Correct or remove it, and restart`)
}

/** Whether an operator's refusal is something unclear, so that the log should warn of it. */
export function isDoubtful (config: TelemetryConfig, environment: ConsentFacts['environment']): boolean {
  if (!config.allowed) return config.doubtful
  return !OPT_OUT_VARIABLES.some((name) => isSet(environment[name])) && findMistypedVariable(environment) !== undefined
}

/** A variable whose name is a near miss, set to anything at all: `FF_DISABLE_TELEMETRY`, `do_not_track`. */
function findMistypedVariable (environment: ConsentFacts['environment']): string | undefined {
  return Object.keys(environment).find((name) => (
    environment[name] && !OPT_OUT_VARIABLES.includes(name) && readsLikeOptOutVariable(name)))
}

const isSet = (value = '') => !['', '0', 'false'].includes(value)

/** Refuses for a host that lacks something. @param missing what it lacks, in words */
export function refuseForHost (missing: string): Consent {
  return refuse('host', `the platform it is embedded in lacks ${missing}`)
}

/** Refuses for a host whose settings hold no `instanceId` that a ping could carry. */
export const NO_INSTANCE_ID = refuseForHost('the setting instanceId, a random UUID')

function refuse (decidedBy: Consent['decidedBy'], reason: string): Consent {
  return { allowed: false, decidedBy, explanation: `Telemetry is off: ${reason}.` }
}
