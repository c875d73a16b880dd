/** Exit codes, for scripts. Those from 64 on come from sysexits.h. */
export const EXIT = { done: 0, failed: 1, off: 3, usage: 64, unavailable: 69, notWritable: 73, config: 78 } as const

export type ExitCode = typeof EXIT[keyof typeof EXIT]

/** The meaning of each exit code, for --help and the documents. */
export const EXIT_MEANINGS: [code: ExitCode, meaning: string][] = [
  [EXIT.done, 'done; of status: telemetry is on'],
  [EXIT.failed, 'the command failed; of send: the ping was not delivered'],
  [EXIT.off, 'telemetry is off'],
  [EXIT.usage, 'the command line is wrong'],
  [
    EXIT.unavailable,
    'the database or the receiver of pings cannot be reached, a driver is missing, or the port is taken'
  ],
  [EXIT.notWritable, 'the data directory cannot be written'],
  [EXIT.config, 'flowforge.yml is wrong, or something that it names']
]

/** A foreseeable problem. The message says what to do, and is printed without a stack. */
export class CommandError extends Error {
  constructor (message: string, readonly exitCode: ExitCode) {
    super(message)
  }
}
