import { parseArgs } from 'node:util'
import { readVersion } from '../config/version.js'
import { serializeError } from '../database/serialize-error.js'
import { COMMANDS, type Command } from './commands.js'
import { CommandError, EXIT, type ExitCode } from './exit-codes.js'
import { describeUsage } from './help.js'
import type { CommandOptions } from './options.js'

/** Runs the command named by the arguments after `flowforge`. Prints errors to standard error; never throws. */
export async function runCommandLine (args: string[]): Promise<ExitCode> {
  try {
    const { words, help, version, ...options } = parse(args)
    if (version) return print(`${readVersion()}\n`)
    const command = COMMANDS.find((each) => each.words === words)
    if (help && (command || isBeginning(words))) return print(describeUsage(words))
    return await choose(command, words, options).run(options)
  } catch (error) {
    return tell(error)
  }
}

function parse (args: string[]): CommandOptions & { words: string, help?: boolean, version?: boolean } {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' }
      }
    })
    return { ...values, words: positionals.join(' ') }
  } catch (error) {
    throw misused((error as Error).message)
  }
}

function choose (command: Command | undefined, words: string, { json }: CommandOptions): Command {
  if (!command && isBeginning(words)) throw misused('a command is missing', words)
  if (!command) throw misused(`there is no command "${words}"`)
  if (json && !command.json) throw misused(`flowforge ${words} does not print JSON`, words)
  return command
}

/** Checks whether any command begins with these words; true for none. */
const isBeginning = (words: string) => words === '' || COMMANDS.some((command) => command.words.startsWith(`${words} `))

function misused (problem: string, words = ''): CommandError {
  const [first] = problem.split(/\.\s/)
  const help = ['flowforge', words, '--help'].filter(Boolean).join(' ')
  return new CommandError(`flowforge: ${first}. See: ${help}`, EXIT.usage)
}

function print (text: string): ExitCode {
  process.stdout.write(text)
  return EXIT.done
}

function tell (error: unknown): ExitCode {
  // An unexpected error is a defect, so its stack is printed.
  console.error(error instanceof CommandError ? error.message : serializeError(error).stack)
  return error instanceof CommandError ? error.exitCode : EXIT.failed
}
