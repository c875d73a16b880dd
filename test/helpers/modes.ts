import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** The modes of a directory and of all that is in it, in octal. */
export function modesIn (directory: string): Record<string, string> {
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)
  return { '.': modeOf(directory), ...Object.fromEntries(readdirSync(directory).map((name) => [name, modeOf(join(directory, name))])) }
}

export function setUmask (t: TestContext, mask: number): void {
  const before = process.umask(mask)
  t.after(() => { process.umask(before) })
}
