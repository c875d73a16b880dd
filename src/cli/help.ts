import { COMMANDS, type Command } from './commands.js'
import { EXIT_MEANINGS } from './exit-codes.js'

const CONFIG = [
  '--config FILE', 'the flowforge.yml to use, instead of the one in $FLOWFORGE_HOME/etc, or ./flowforge.yml'
]
const JSON_OPTION = ['--json', 'print JSON, for programs']
const HELP = ['--help', 'print this']
const VERSION = ['--version', 'print the version of FlowForge']

/** Describes one command, or lists all that begin with these words. */
export function describeUsage (words: string): string {
  const command = COMMANDS.find((each) => each.words === words)
  return command ? describeCommand(command) : describeCommands(words)
}

function describeCommand ({ words, summary, details, json }: Command): string {
  const options = [CONFIG, ...(json ? [JSON_OPTION] : []), HELP]
  return `Usage: flowforge ${words} [options]\n\n${summary}\n${details}\n\n` +
    `Options:\n${align(options)}\n\nExit codes:\n${describeExitCodes()}\n`
}

function describeCommands (words: string): string {
  const commands = COMMANDS.filter((command) => command.words.startsWith(words))
  const options = [CONFIG, JSON_OPTION, HELP, VERSION]
  return `Usage: ${['flowforge', words, 'COMMAND'].filter(Boolean).join(' ')} [options]\n\n` +
    `Commands:\n${align(commands.map((command) => [command.words, command.summary]))}\n\n` +
    `Options:\n${align(options)}\n\nExit codes:\n${describeExitCodes()}\n\n` +
    'flowforge COMMAND --help says more of one command.\n'
}

const describeExitCodes = () => align(EXIT_MEANINGS.map(([code, meaning]) => [String(code), meaning]))

function align (rows: string[][]): string {
  const width = Math.max(...rows.map(([name]) => name!.length))
  return rows.map(([name, meaning]) => `  ${name!.padEnd(width)}  ${meaning}`).join('\n')
}
