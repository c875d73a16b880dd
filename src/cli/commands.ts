import type { ExitCode } from './exit-codes.js'
import type { CommandOptions } from './options.js'

export interface Command {
  /** The command line after `flowforge`. */
  words: string
  summary: string
  /** What --help prints after the summary. */
  details: string
  /** Whether it takes --json. */
  json: boolean
  /** Loads and runs the command. Loading is part of it, so that other commands do not pay for it. */
  run: (options: CommandOptions) => Promise<ExitCode>
}

/** All commands of `flowforge`. Help and documents are generated from this list. */
export const COMMANDS: Command[] = [
  {
    words: 'start',
    summary: 'Start the platform.',
    details: 'On a terminal it greets with its address and says whether telemetry is on; ' +
      'elsewhere it logs JSON lines.\nSIGTERM and Ctrl+C stop it.',
    json: false,
    run: async (options) => (await import('./start.js')).start(options)
  },
  {
    words: 'telemetry status',
    summary: 'Say whether telemetry is on or off, and who decided.',
    details: 'The environment variables of this command count, and those of a running platform.\n' +
      'Exits with 0 when telemetry is on, with 3 when it is off.',
    json: true,
    run: async (options) => (await import('./telemetry.js')).showStatus(options)
  },
  {
    words: 'telemetry preview',
    summary: 'Print the exact bytes that a ping sent now would carry.',
    details: 'Nothing else goes to standard output, and nothing is sent. It works while telemetry is off, too.',
    json: true,
    run: async (options) => (await import('./telemetry.js')).printPreview(options)
  },
  {
    words: 'telemetry log',
    summary: 'List the pings that were sent, newest first, each with its exact text.',
    details: 'The platform remembers the newest 100. With --json each comes with all that is known of it.',
    json: true,
    run: async (options) => (await import('./telemetry.js')).listPings(options)
  },
  {
    words: 'telemetry send',
    summary: 'Send a ping now, if telemetry is on.',
    details: 'It is attempted once. ' +
      'Exits with 0 when it was delivered, with 1 when it was not, and with 3 when telemetry is\n' +
      'off: then nothing is sent.',
    json: true,
    run: async (options) => (await import('./telemetry.js')).sendPing(options)
  },
  {
    words: 'telemetry check',
    summary: 'Check whether the receiver of pings can be reached: proxy, name, TCP, TLS. No ping is sent.',
    details: 'It connects as a ping would, and hangs up before the first request. ' +
      'While telemetry is off it contacts nobody,\nnames what it would check, and exits with 3. ' +
      'Exits with 69 when the receiver cannot be reached.',
    json: true,
    run: async (options) => (await import('./check.js')).checkReceiver(options)
  },
  {
    words: 'telemetry on',
    summary: 'Turn telemetry on, as an administrator can in Admin Settings.',
    details: 'Refused with exit code 3 while flowforge.yml, the environment, ' +
      'or those of the running platform turn it off.',
    json: true,
    run: async (options) => (await import('./telemetry.js')).decide(options, true)
  },
  {
    words: 'telemetry off',
    summary: 'Turn telemetry off. A running platform stops what it is sending within about a second.',
    details: 'No message is sent when you turn it off.',
    json: true,
    run: async (options) => (await import('./telemetry.js')).decide(options, false)
  },
  {
    words: 'telemetry decisions',
    summary: 'List who turned telemetry on or off, when, and in which way, newest first.',
    details: 'Each comes with the version of the ping that was agreed to.',
    json: true,
    run: async (options) => (await import('./telemetry.js')).listDecisions(options)
  },
  {
    words: 'telemetry held',
    summary: 'Ask the receiver what it holds of this installation.',
    details: 'Prints the answer as JSON. ' +
      'Works while an administrator has turned telemetry off, and is refused with exit code 3\n' +
      'while the operator has, or the setup is not finished.',
    json: true,
    run: async (options) => (await import('./rights.js')).showHeld(options)
  },
  {
    words: 'telemetry forget',
    summary: 'Delete what the receiver holds of this installation, and take a new id.',
    details: 'Refused like "telemetry held". If the receiver does not delete it, the id stays as it is.',
    json: true,
    run: async (options) => (await import('./rights.js')).forget(options)
  },
  {
    words: 'telemetry new-id',
    summary: 'Take a new random id: for a copy of a machine, which shares the id of the original.',
    details: 'Nothing is sent, and nothing is deleted.',
    json: true,
    run: async (options) => (await import('./rights.js')).takeNewId(options)
  }
]
