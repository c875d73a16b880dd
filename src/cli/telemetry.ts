import { describeOutcome } from '../telemetry/describe-outcome.js'
import type { PlatformConfig } from '../config/index.js'
import { formatMoment } from '../views/dates.js'
import { decideConsent, decideForOperator, type Consent } from '../telemetry/consent.js'
import type { DrivenTelemetry } from '../telemetry/control.js'
import type { LoggedPing } from '../telemetry/index.js'
import { readSection } from '../telemetry/config.js'
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
  const pings = await withTelemetry(config, async (telemetry) => telemetry?.recordedPings() ?? [])
  if (options.json) print(toJson(pings))
  else print(pings.map((ping) => describePing(ping, urlOf(config))).join('\n') || 'Nothing has been sent yet.')
  return EXIT.done
})

/** `flowforge telemetry send` */
export const sendPing = (options: CommandOptions) => withConfig(options, async (config): Promise<ExitCode> => {
  const consent = await readConsent(config)
  if (!consent.allowed) throw new CommandError(consent.explanation, EXIT.off)
  const ping = await withTelemetry(config, (telemetry) => demand(telemetry).send())
  print(options.json ? toJson(ping) : describePing(ping, urlOf(config)))
  return ping.outcome === 'delivered' ? EXIT.done : EXIT.failed
})

/** The operator's no is known without the database, so that it is told while that is away. */
async function readConsent (config: PlatformConfig): Promise<Consent> {
  const section = readSection(config.telemetry, config.locate)
  const operator = decideForOperator(section, process.env)
  if (operator) return operator
  return withTelemetry(config, async (telemetry) => telemetry
    ? telemetry.consent()
    : decideConsent({ section, environment: process.env, initialised: false, enabled: true }))
}

function demand (telemetry: DrivenTelemetry | undefined): DrivenTelemetry {
  if (telemetry) return telemetry
  throw new CommandError('There is no ping to show before the platform has been started once: flowforge start', EXIT.failed)
}

function describePing (ping: LoggedPing, url: string): string {
  const { sentAt, kind, outcome, attempts, body } = ping
  const facts = [formatMoment(sentAt), kind, outcome, `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`]
  return `${facts.join(', ')}\n  ${describeOutcome(ping, url)}\n  ${body}`
}

const urlOf = ({ telemetry, locate }: PlatformConfig) => readSection(telemetry, locate).url

const toJson = (value: unknown) => JSON.stringify(value, null, 2)

const print = (text: string) => { process.stdout.write(`${text}\n`) }
