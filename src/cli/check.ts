import type { PlatformConfig } from '../config/index.js'
import { checkConnection, type CheckStep } from '../telemetry/check.js'
import { TelemetryOffError } from '../telemetry/types.js'
import { EXIT, type ExitCode } from './exit-codes.js'
import type { CommandOptions } from './options.js'
import { demand, readConsent, urlOf } from './telemetry.js'
import { withConfig } from './with-config.js'
import { withInstallation } from './with-installation.js'

/** `flowforge telemetry check` */
export const checkReceiver = (options: CommandOptions) => withConfig(options, async (config): Promise<ExitCode> => {
  const url = urlOf(config)
  const { allowed, explanation } = await readConsent(config)
  // A no covers the name lookup, too.
  const steps = allowed ? await check(config, url) : []
  const reachable = allowed ? steps.every(({ ok }) => ok) : null
  if (options.json) print(JSON.stringify({ url, reachable, steps, ...allowed ? {} : { explanation } }, null, 2))
  else if (allowed) print(describeSteps(url, steps))
  else print(`${explanation}\nNobody was contacted. The check would connect to ${url}, and send no ping.`)
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

function describeSteps (url: string, steps: CheckStep[]): string {
  const lines = steps.map(({ name, ok, words }) => `${name.padEnd(6)}  ${ok ? 'ok' : 'failed'}: ${words}`)
  const reached = steps.every(({ ok }) => ok)
  return [`Receiver: ${url}`, ...lines, reached ? 'It can be reached. No ping was sent.' : 'It cannot be reached. No ping was sent.'].join('\n')
}

const print = (text: string) => { process.stdout.write(`${text}\n`) }
