import type { PlatformConfig } from '../config/index.js'
import { formatMoment } from '../views/dates.js'
import { readTelemetryConfig } from '../telemetry/config.js'
import { loadTelemetryConfig } from '../telemetry/config-file.js'
import { decideConsent, decideForOperator } from '../telemetry/consent.js'
import { describeOutcome } from '../telemetry/describe-outcome.js'
import type { TelemetryService } from '../telemetry/service.js'
import type { Consent, LoggedPing } from '../telemetry/types.js'
import { CommandError, EXIT, type ExitCode } from './exit-codes.js'
import type { CommandOptions } from './options.js'
import { withConfig } from './with-config.js'
import { withTelemetry } from './with-telemetry.js'

/** `flowforge telemetry status` */
export const showStatus = (options: CommandOptions) => withConfig(options, async (config): Promise<ExitCode> => {
  const consent = await readConsent(config)
  const url = urlOf(config)
  print(options.json ? toJson({ ...consent, url }) : `${consent.explanation}\nPings are posted to ${url}.`)
  return consent.allowed ? EXIT.done : EXIT.off
})

/** `flowforge telemetry preview` */
export const printPreview = (options: CommandOptions) => withConfig(options, async (config): Promise<ExitCode> => {
  process.stdout.write(await withTelemetry(config, (telemetry) => demand(telemetry).preview()))
  // The line ends for the eye alone: standard output carries the bytes of the ping.
  if (process.stdout.isTTY) process.stderr.write('\n')
  return EXIT.done
})

/** `flowforge telemetry log` */
export const listPings = (options: CommandOptions) => withConfig(options, async (config): Promise<ExitCode> => {
  const pings = await withTelemetry(config, async (telemetry) => telemetry?.pings() ?? [])
  if (options.json) print(toJson(pings))
  else print(pings.map((ping) => describePing(ping)).join('\n') || 'Nothing has been sent yet.')
  return EXIT.done
})

/** `flowforge telemetry send` */
export const sendPing = (options: CommandOptions) => withConfig(options, async (config): Promise<ExitCode> => {
  const consent = await readConsent(config)
  if (!consent.allowed) throw new CommandError(consent.explanation, EXIT.off)
  const ping = await withTelemetry(config, (telemetry) => demand(telemetry).send())
  print(options.json ? toJson(ping) : describePing(ping))
  return ping.outcome === 'delivered' ? EXIT.done : EXIT.failed
})

/** The operator's decision is known without the database, so that it is shown while that is away. */
async function readConsent (config: PlatformConfig): Promise<Consent> {
  const telemetryConfig = await loadTelemetryConfig(config)
  const operator = decideForOperator(telemetryConfig, process.env)
  if (operator) return operator
  return withTelemetry(config, async (telemetry) => telemetry
    ? telemetry.consent()
    : decideConsent({ config: telemetryConfig, environment: process.env, initialised: false, enabled: undefined }))
}

function demand (telemetry: TelemetryService | undefined): TelemetryService {
  if (telemetry) return telemetry
  throw new CommandError('There is no ping to show before the platform has been started once: flowforge start', EXIT.failed)
}

function describePing (ping: LoggedPing): string {
  const { sentAt, kind, outcome, attempts, body } = ping
  const facts = [formatMoment(sentAt), kind, outcome, `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`]
  return `${facts.join(', ')}\n  ${describeOutcome(ping)}\n  ${body}`
}

const urlOf = ({ telemetry, locate }: PlatformConfig) => readTelemetryConfig(telemetry, locate).url

const toJson = (value: unknown) => JSON.stringify(value, null, 2)

const print = (text: string) => { process.stdout.write(`${text}\n`) }
