import { lstatSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ConfigError } from './config-error.js'

/** The names under which a file is looked for, in order, and those under which it would be overlooked. */
const IN_HOME = ['flowforge.local.yml', 'flowforge.yml']
const ELSEWHERE = ['flowforge.yml']

/**
 * Finds the one file that counts: what `--config` names; else, with FLOWFORGE_HOME, `etc/flowforge.local.yml` there, or
 * `etc/flowforge.yml`; else `./flowforge.yml`. There is no fallback to another place: the opt-out of an operator may be in
 * the file that cannot be reached.
 *
 * @returns an absolute path; whether it can be read shows when it is
 * @throws ConfigError if no file is there, or one whose name ends in .yaml
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
  throw new ConfigError(`${join(folder, 'flowforge.yml')} was not found${reason}; create it, or name a file with --config FILE`)
}

/** Whether a folder has an entry of this name, a link that leads nowhere included. @throws ConfigError if it cannot tell */
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
