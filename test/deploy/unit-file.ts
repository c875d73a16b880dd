import { readFileSync } from 'node:fs'

/** Reads a unit file: each section's values by key, in order. `%S` is systemd's state directory. */
export function readUnit (name: string): Record<string, Record<string, string[]>> {
  const sections: Record<string, Record<string, string[]>> = {}
  let section: Record<string, string[]> = {}
  for (const line of readFileSync(`deploy/${name}`, 'utf8').replaceAll('%S', '/var/lib').split('\n')) {
    const [, title] = /^\[(\w+)\]$/.exec(line) ?? []
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? []
    if (title) section = sections[title] = {}
    if (key) (section[key] ??= []).push(value!)
  }
  return sections
}

/** The variables of an `Environment=`, or of a file that `EnvironmentFile=` names. */
export function parseVariables (text: string): Record<string, string> {
  return Object.fromEntries(text.split(/\s+/).filter(Boolean).map((pair) => pair.split(/=(.*)/s) as [string, string]))
}
