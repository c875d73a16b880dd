import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Every document of this repository: those at its root, and those in `docs`. */
export function listDocuments (): string[] {
  return ['.', 'docs'].flatMap((folder) => readdirSync(folder).filter((name) => name.endsWith('.md')).map((name) => join(folder, name)))
}
