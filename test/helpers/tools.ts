import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The reason to skip a test that needs these programs, or false: only Node.js and a shell are always on the PATH. */
export function without (...programs: string[]): string | false {
  const missing = programs.find((program) => (
    !(process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)))))
  return missing !== undefined && `${missing} is not installed`
}
