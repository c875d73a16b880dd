import type { TelemetryConfig } from './config.js'
import { readsLikeOptOutVariable } from './opt-out-words.js'
import type { Consent } from './types.js'

/** Everything that consent depends on, read immediately before sending. */
export interface ConsentFacts extends SettingFacts {
  config: TelemetryConfig
  environment: Record<string, string | undefined>
}

/** The settings that consent depends on. */
export interface SettingFacts {
  /** The setting `setup:initialised`, unvalidated. */
  initialised: unknown
  /** The setting `telemetry:enabled`, unvalidated. */
  enabled: unknown
}

/** Environment variables with which an operator turns off this telemetry, or all telemetry. */
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

/** Decides by the settings of the platform, if the operator leaves the choice to them. */
export function decideBySettings ({ initialised, enabled }: SettingFacts): Consent {
  if (initialised !== true) return refuse('setup', 'the setup is not finished')
  // Absent means on. Anything else, for example the text "false", counts as off.
  if (enabled !== true && enabled !== undefined) {
    return refuse('administrator',
      'the platform\'s settings say so; an administrator can change that in Admin Settings')
  }
  return {
    allowed: true,
    decidedBy: 'administrator',
    explanation: 'Telemetry is on: ' +
      'the platform\'s settings allow it, and neither flowforge.yml nor the environment turns it off.'
  }
}

/** Decides by flowforge.yml and the environment; undefined if they leave the choice to the settings. */
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

/** Checks whether the operator's refusal comes from something unclear, which should be logged as a warning. */
export function isDoubtful (config: TelemetryConfig, environment: ConsentFacts['environment']): boolean {
  if (!config.allowed) return config.doubtful
  return !OPT_OUT_VARIABLES.some((name) => isSet(environment[name])) && findMistypedVariable(environment) !== undefined
}

/** Finds a variable with a mistyped name, such as `FF_DISABLE_TELEMETRY` or `do_not_track`, and any non-empty value. */
function findMistypedVariable (environment: ConsentFacts['environment']): string | undefined {
  return Object.keys(environment).find((name) => (
    environment[name] && !OPT_OUT_VARIABLES.includes(name) && isMistyped(name)))
}

const judged = new Map<string, boolean>()

/** Judges each name once: consent is read every second while a ping is out, and judging 35 names takes 0.3 ms. */
function isMistyped (name: string): boolean {
  const known = judged.get(name) ?? readsLikeOptOutVariable(name)
  judged.set(name, known)
  return known
}

const isSet = (value = '') => !['', '0', 'false'].includes(value)

/** Refuses because the host lacks something. @param missing the missing parts, in words */
export function refuseForHost (missing: string): Consent {
  return refuse('host', `the platform it is embedded in lacks ${missing}`)
}

/** The refusal if the host has no valid `instanceId`. */
export const NO_INSTANCE_ID = refuseForHost('the setting instanceId, a random UUID')

function refuse (decidedBy: Consent['decidedBy'], reason: string): Consent {
  return { allowed: false, decidedBy, explanation: `Telemetry is off: ${reason}.` }
}
