import { resolve } from 'node:path'

const compiled = import.meta.filename.endsWith('.js')

/** The folder whose src and test the tests run. */
export const SOURCE = compiled ? 'build' : '.'

/** A file of this repository as the tests run it: what `npm test` compiled it to, or the file itself. */
export const locate = (file: string, source = SOURCE) => resolve(source, compiled ? file.replace(/\.ts$/, '.js') : file)

/** The arguments for Node.js that load these files first. */
export function preload (...files: string[]): string[] {
  const loaders = compiled ? [] : [resolve('node_modules/tsx/dist/esm/index.mjs')]
  return [...loaders, ...files.map((file) => locate(file))].flatMap((file) => ['--import', file])
}

/**
 * The arguments for Node.js that run a program of this repository, `src/server.ts` say, after the files to load first.
 *
 * @param source the folder of another release (next-release.ts)
 */
export function runProgram (file: string, preloaded: string[] = [], source = SOURCE): string[] {
  return [...preload('test/guard.ts', ...preloaded), locate(file, source)]
}
