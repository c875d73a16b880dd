import { checkConnection, type CheckStep } from '../telemetry/check.js'
import { EXIT, type ExitCode } from './exit-codes.js'
import type { CommandOptions } from './options.js'
import { readConsent, urlOf } from './telemetry.js'
import { withConfig } from './with-config.js'

/** `flowforge telemetry check` */
export const checkReceiver = (options: CommandOptions) => withConfig(options, async (config): Promise<ExitCode> => {
  const url = urlOf(config)
  const { allowed, explanation } = await readConsent(config)
  // While telemetry is off, not even a name is looked up.
  const steps = allowed ? await checkConnection(url) : []
  const reachable = allowed ? steps.every(({ ok }) => ok) : null
  if (options.json) print(JSON.stringify({ url, reachable, steps, ...allowed ? {} : { explanation } }, null, 2))
  else if (allowed) print(describeSteps(url, steps))
  else print(`${explanation}\nNobody was contacted. The check would connect to ${url}, and send no ping.`)
  if (!allowed) return EXIT.off
  return reachable ? EXIT.done : EXIT.unavailable
})

function describeSteps (url: string, steps: CheckStep[]): string {
  const lines = steps.map(({ name, ok, words }) => `${name.padEnd(6)}  ${ok ? 'ok' : 'failed'}: ${words}`)
  const reached = steps.every(({ ok }) => ok)
  const result = `It ${reached ? 'can' : 'cannot'} be reached. No ping was sent.`
  return [`Receiver: ${url}`, ...lines, result].join('\n')
}

const print = (text: string) => { process.stdout.write(`${text}\n`) }
