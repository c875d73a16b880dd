import { resolve } from 'node:path'

const compiled = import.meta.filename.endsWith('.js')

/** A file of this repository as the tests run it: what `npm test` compiled it to, or the file itself. */
const locate = (file: string) => compiled ? resolve('build', file.replace(/\.ts$/, '.js')) : resolve(file)

/** The arguments for Node.js that load these files first. */
export function preload (...files: string[]): string[] {
  const loaders = compiled ? [] : [resolve('node_modules/tsx/dist/esm/index.mjs')]
  return [...loaders, ...files.map(locate)].flatMap((file) => ['--import', file])
}

/** The arguments for Node.js that run a program of this repository, `src/server.ts` say, after the files to load first. */
export function runProgram (file: string, preloaded: string[] = []): string[] {
  return [...preload('test/guard.ts', ...preloaded), locate(file)]
}
