import type { PlatformConfig } from '../config/index.js'
import { checkConnection, type CheckStep } from '../telemetry/check.js'
import { loadTelemetryConfig } from '../telemetry/config-file.js'
import { TelemetryOffError } from '../telemetry/types.js'
import { EXIT, type ExitCode } from './exit-codes.js'
import type { CommandOptions } from './options.js'
import { demand, readConsent } from './telemetry.js'
import { withConfig } from './with-config.js'
import { withInstallation } from './with-installation.js'

/** `flowforge telemetry check` */
export const checkReceiver = (options: CommandOptions) => withConfig(options, async (config): Promise<ExitCode> => {
  const { url } = await loadTelemetryConfig(config)
  const { allowed, explanation } = await readConsent(config)
  // If consent is refused, no name is looked up either.
  const steps = allowed ? await check(config, url!) : []
  const reachable = allowed ? steps.every(({ ok }) => ok) : null
  if (options.json) print(JSON.stringify({ url, reachable, steps, ...allowed ? {} : { explanation } }, null, 2))
  else if (allowed) print(describeSteps(url!, steps))
  else print(`${explanation}\nNobody was contacted. ${describeIntent(url)}`)
  if (!allowed) return EXIT.off
  return reachable ? EXIT.done : EXIT.unavailable
})

/** Ends with the explanation if telemetry is turned off meanwhile. */
function check (config: PlatformConfig, url: string): Promise<CheckStep[]> {
  return withInstallation(config, (found) => checkConnection(url, async () => {
    const { allowed, explanation } = await demand(found).telemetry.consent()
    if (!allowed) throw new TelemetryOffError(explanation)
  }))
}

const describeIntent = (url: string | null) => url === null
  ? 'Where the check would connect to is not known while flowforge.yml is unclear.'
  : `The check would connect to ${url}, and send no ping.`

function describeSteps (url: string, steps: CheckStep[]): string {
  const lines = steps.map(({ name, ok, words }) => `${name.padEnd(6)}  ${ok ? 'ok' : 'failed'}: ${words}`)
  const reached = steps.every(({ ok }) => ok)
  const result = `It ${reached ? 'can' : 'cannot'} be reached. No ping was sent.`
  return [`Receiver: ${url}`, ...lines, result].join('\n')
}

const print = (text: string) => { process.stdout.write(`${text}\n`) }
