import { settingsTable } from './settings.js'

/** Builds the text of `flowforge-collector --help`. */
export function describeUsage (): string {
  const settings = settingsTable.map(({ name, standard, description }) =>
    `  ${name}${standard === undefined ? '' : ` (${standard})`}\n${wrap(description.replaceAll('`', ''))}`)
  return `flowforge-collector: receives the usage pings of FlowForge platforms

Usage: flowforge-collector [--help]

Settings come from the environment; the value in parentheses is the default.

${settings.join('\n')}

Exit codes: 0 stopped by SIGTERM or SIGINT, 1 the database does not answer, 64 wrong argument,
69 no SQLite driver, 78 wrong setting or database.`
}

const WIDTH = 100

function wrap (text: string): string {
  const lines = ['']
  for (const word of text.split(' ')) {
    if (lines.at(-1)!.length + word.length > WIDTH) lines.push('')
    lines[lines.length - 1] += `${lines.at(-1) === '' ? '     ' : ''} ${word}`
  }
  return lines.join('\n')
}
