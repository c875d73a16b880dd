import { lstatSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ConfigError } from './config-error.js'

/** The names that are looked for, in this order. */
const IN_HOME = ['flowforge.local.yml', 'flowforge.yml']
const ELSEWHERE = ['flowforge.yml']

/**
 * Finds the configuration file: the one that `--config` names; else, if FLOWFORGE_HOME is set, its
 * `etc/flowforge.local.yml` or `etc/flowforge.yml`; else `./flowforge.yml`. Never falls back to another place, because
 * an operator's opt-out may be in the file that is missing.
 *
 * @returns an absolute path; the file may still be unreadable
 * @throws ConfigError if there is no file, or one whose name ends in .yaml
 */
export function findConfigFile (file: string | undefined, home: string | undefined): string {
  if (file) return resolve(file)
  const folder = home ? resolve(home, 'etc') : resolve('.')
  const names = home ? IN_HOME : ELSEWHERE
  const wrong = names.map((name) => join(folder, name.replace(/\.yml$/, '.yaml'))).find(isThere)
  if (wrong) throw new ConfigError(`${wrong} is not read: the name has to end in .yml. Rename it, or remove it`)
  const found = names.map((name) => join(folder, name)).find(isThere)
  if (found) return found
  const reason = home ? '. No other place is looked at while FLOWFORGE_HOME is set' : ''
  const path = join(folder, 'flowforge.yml')
  throw new ConfigError(`${path} was not found${reason}; create it, or name a file with --config FILE`)
}

/** Checks whether a path exists, even as a dangling link. @throws ConfigError if the folder cannot be read */
function isThere (path: string): boolean {
  try {
    lstatSync(path)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return false
    throw new ConfigError(`${path} cannot be read (${code}). Let the user who runs FlowForge read it`)
  }
}
