import type { PlatformConfig } from '../config/index.js'
import { forgetInstallation, takeNewInstanceId } from '../settings/instance-id.js'
import { CommandError, EXIT, type ExitCode } from './exit-codes.js'
import type { CommandOptions } from './options.js'
import { demand, demandUpToDate, print, readConsent, toJson, userName } from './telemetry.js'
import { withConfig } from './with-config.js'
import { withInstallation, type Installation } from './with-installation.js'

/** `flowforge telemetry held` */
export const showHeld = (options: CommandOptions) => ask(options, 'read', async (found) => {
  print(toJson(await demand(found).telemetry.held()))
})

/** `flowforge telemetry forget` */
export const forget = (options: CommandOptions) => ask(options, 'write', async (found) => {
  const forgotten = await forgetInstallation(await demandUpToDate(found), by())
  print(options.json
    ? toJson(forgotten)
    : `The receiver says that it has deleted ${forgotten.pings} ${forgotten.pings === 1 ? 'ping' : 'pings'} and ` +
      'everything else that it held of this installation. The installation has a new instanceId.')
})

/** `flowforge telemetry new-id` */
export const takeNewId = (options: CommandOptions) => withConfig(options, async (config): Promise<ExitCode> => {
  await withInstallation(config, async (found) => {
    const installation = await demandUpToDate(found)
    await takeNewInstanceId(installation, by())
    const instanceId = await installation.settings.refresh('instanceId')
    print(options.json ? toJson({ instanceId }) : `The instanceId of this installation is now ${instanceId}.`)
  }, 'write')
  return EXIT.done
})

const by = () => ({ way: 'command line', who: userName() }) as const

/** Runs a request to the receiver. @throws CommandError if the operator's opt-out or an unfinished setup forbids it */
function ask (
  options: CommandOptions, access: 'read' | 'write', run: (found: Installation | undefined) => Promise<void>
): Promise<ExitCode> {
  return withConfig(options, async (config: PlatformConfig) => {
    const { allowed, decidedBy, explanation } = await readConsent(config)
    if (!allowed && decidedBy !== 'administrator') throw new CommandError(explanation, EXIT.off)
    await withInstallation(config, async (found) => {
      try {
        await run(found)
      } catch (error) {
        const { name, message } = error as Error
        throw name === 'ReceiverError' ? new CommandError(message, EXIT.failed) : error
      }
    }, access)
    return EXIT.done
  })
}
