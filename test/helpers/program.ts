import { resolve } from 'node:path'

const compiled = import.meta.filename.endsWith('.js')

/** The folder with the src and test that run. */
export const SOURCE = compiled ? 'build' : '.'

/** The path at which the tests run a file of this repository: compiled by `npm test`, or the file itself. */
export const locate = (file: string, source = SOURCE) => resolve(source, compiled ? file.replace(/\.ts$/, '.js') : file)

/** The arguments for Node.js that load these files first. */
export function preload (...files: string[]): string[] {
  const loaders = compiled ? [] : [resolve('node_modules/tsx/dist/esm/index.mjs')]
  return [...loaders, ...files.map((file) => locate(file))].flatMap((file) => ['--import', file])
}

/**
 * The arguments for Node.js to load the given files and then run a program of this repository such as `src/server.ts`.
 *
 * @param source the folder of another release (next-release.ts)
 */
export function runProgram (file: string, preloaded: string[] = [], source = SOURCE): string[] {
  return [...preload('test/guard.ts', ...preloaded), locate(file, source)]
}
