import type { PlatformConfig } from '../config/index.js'
import { migrate } from '../database/migrate.js'
import { HISTORY, migrations } from '../db/migrations.js'
import type { Decision } from '../db/telemetry-decision.js'
import { formatMoment } from '../views/dates.js'
import { loadTelemetryConfig } from '../telemetry/config-file.js'
import { decideConsent, decideForOperator } from '../telemetry/consent.js'
import { describeOutcome } from '../telemetry/describe-outcome.js'
import { describeDestination } from '../telemetry/describe-state.js'
import type { Consent, LoggedPing } from '../telemetry/types.js'
import { CommandError, EXIT, type ExitCode } from './exit-codes.js'
import type { CommandOptions } from './options.js'
import { withConfig } from './with-config.js'
import { withInstallation, type Installation } from './with-installation.js'

/** `flowforge telemetry status` */
export const showStatus = (options: CommandOptions) => withConfig(options, async (config): Promise<ExitCode> => {
  const consent = await readConsent(config)
  const { url } = await loadTelemetryConfig(config)
  const newProperties = consent.allowed
    ? await withInstallation(config, (installation) => demand(installation).telemetry.newProperties())
    : []
  const more = newProperties.map(({ path, description, why }) => (
    `\nThis release can also send ${path}: ${description} ${why} ` +
    'It is not sent until "flowforge telemetry on" agrees.'))
  print(options.json
    ? toJson({ ...consent, url, newProperties })
    : `${consent.explanation}\n${describeDestination(consent, url)}${more.join('')}`)
  return consent.allowed ? EXIT.done : EXIT.off
})

/** `flowforge telemetry preview` */
export const printPreview = (options: CommandOptions) => withConfig(options, async (config): Promise<ExitCode> => {
  process.stdout.write(await withInstallation(config, (installation) => demand(installation).telemetry.preview()))
  // The line break goes to standard error, because standard output carries exactly the bytes of the ping.
  if (process.stdout.isTTY) process.stderr.write('\n')
  return EXIT.done
})

/** `flowforge telemetry log` */
export const listPings = (options: CommandOptions) => withConfig(options, async (config): Promise<ExitCode> => {
  const pings = await withInstallation(config, async (installation) => installation?.telemetry.pings() ?? [])
  if (options.json) print(toJson(pings))
  else print(pings.map((ping) => describePing(ping)).join('\n') || 'Nothing has been sent yet.')
  return EXIT.done
})

/** `flowforge telemetry send` */
export const sendPing = (options: CommandOptions) => withConfig(options, async (config): Promise<ExitCode> => {
  const consent = await readConsent(config)
  if (!consent.allowed) throw new CommandError(consent.explanation, EXIT.off)
  const ping = await withInstallation(config, (installation) => demand(installation).telemetry.send(), 'write')
  print(options.json ? toJson(ping) : describePing(ping))
  return ping.outcome === 'delivered' ? EXIT.done : EXIT.failed
})

/** `flowforge telemetry on` and `off` */
export const decide = (
  options: CommandOptions, enabled: boolean
) => withConfig(options, async (config): Promise<ExitCode> => {
  const consent = enabled ? await readConsent(config) : undefined
  if (consent && ['flowforge.yml', 'environment'].includes(consent.decidedBy) && !consent.allowed) {
    throw new CommandError(consent.explanation, EXIT.off)
  }
  await withInstallation(config, async (installation) => {
    const { decisions } = await demandUpToDate(installation)
    await decisions.decide({ enabled, way: 'command line', who: userName() })
    await decisions.close()
    if (decisions.unwritten === 'record') process.stderr.write('The database could not record who decided.\n')
  }, 'write')
  const { explanation } = await readConsent(config)
  print(options.json ? toJson({ enabled, explanation }) : explanation)
  return EXIT.done
})

/** `flowforge telemetry decisions` */
export const listDecisions = (options: CommandOptions) => withConfig(options, async (config): Promise<ExitCode> => {
  const decisions = await withInstallation(config, async (installation) => {
    if (!await installation?.sequelize.getQueryInterface().tableExists('TelemetryDecisions')) return []
    return installation!.decisions.list()
  })
  if (options.json) print(toJson(decisions))
  else print(decisions.map(describeDecision).join('\n') || 'No decision is recorded.')
  return EXIT.done
})

function describeDecision ({ action, enabled, way, who, decidedAt, schemaVersion }: Decision): string {
  const descriptions: Record<Decision['action'], string> = {
    decide: `${enabled ? 'on' : 'off'}, version ${schemaVersion} of the ping`,
    forget: 'deleted what the receiver held, and took a new id',
    'new id': 'took a new id'
  }
  return `${formatMoment(decidedAt)}, ${who} (${way}): ${descriptions[action]}`
}

export const userName = () => process.env.USER ?? process.env.LOGNAME ?? 'the operator'

/**
 * Reads consent as the platform would. Checks the operator's configuration before it opens the database, so that an
 * opt-out is shown even if the database is unavailable. An opt-out of a running platform also counts.
 */
export async function readConsent (config: PlatformConfig): Promise<Consent> {
  const telemetryConfig = await loadTelemetryConfig(config)
  const operator = decideForOperator(telemetryConfig, process.env)
  if (operator) return operator
  return withInstallation(config, async (installation) => {
    if (!installation) {
      const facts = { initialised: false, enabled: undefined }
      return decideConsent({ config: telemetryConfig, environment: process.env, ...facts })
    }
    return installation.telemetry.consent()
  })
}

/** @throws CommandError if no platform has ever been started */
export function demand (installation: Installation | undefined): Installation {
  if (installation) return installation
  throw new CommandError('The platform has to be started once before this works: flowforge start', EXIT.failed)
}

/**
 * Demands an installation, and migrates its database: an older release has no table of decisions.
 *
 * @throws CommandError
 */
export async function demandUpToDate (found: Installation | undefined): Promise<Installation> {
  const installation = demand(found)
  await migrate(installation.sequelize, HISTORY, migrations)
  return installation
}

function describePing (ping: LoggedPing): string {
  const { sentAt, kind, outcome, attempts, body } = ping
  const when = Number.isNaN(sentAt.getTime()) ? 'at a time that is damaged' : formatMoment(sentAt)
  const facts = [when, kind, outcome, `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`]
  return `${facts.join(', ')}\n  ${describeOutcome(ping)}\n  ${body}`
}

export const toJson = (value: unknown) => JSON.stringify(value, null, 2)

export const print = (text: string) => { process.stdout.write(`${text}\n`) }
