import assert from 'node:assert/strict'
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { SCHEMA_VERSION } from '../../src/telemetry/types.js'
import { temporaryDirectory } from './platform.js'
import { locate, SOURCE } from './program.js'

/** The version of the ping that the next release brings. */
export const NEXT_VERSION = SCHEMA_VERSION + 1

/** What a contributor changes so that two properties join the ping: one in a group that is there, one in its own. */
const CHANGES: [file: string, today: string, next: string][] = [
  ['src/telemetry/types.ts', `SCHEMA_VERSION = ${SCHEMA_VERSION}`, `SCHEMA_VERSION = ${NEXT_VERSION}`],
  ['src/telemetry/ping.ts', 'arch: text({', `
    memory: count({ description: 'How much memory there is, in MiB.', why: 'To fit into it.', since: ${NEXT_VERSION} }),
    arch: text({`],
  ['src/telemetry/ping.ts', 'env: Type.Object({', `
  machine: Type.Object({
    cores: count({ description: 'How many processors there are.', why: 'To use them all.', since: ${NEXT_VERSION} })
  }, closed),
  env: Type.Object({`],
  ['src/telemetry/collect.ts', 'arch: os.arch()', 'arch: os.arch(), memory: 4096'],
  ['src/telemetry/collect.ts', 'env: {', 'machine: { cores: 8 }, env: {']
]

/** The source of the next release, in a separate folder. */
export interface NextRelease {
  folder: string
  /** Imports one of its modules, for example `src/app.ts`. */
  load: <Module>(path: string) => Promise<Module>
}

/** @param t the tests that use it */
export function createNextRelease (t: Parameters<typeof temporaryDirectory>[0]): NextRelease {
  const folder = temporaryDirectory(t)
  for (const path of ['src', 'package.json']) cpSync(join(SOURCE, path), join(folder, path), { recursive: true })
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'))
  for (const [file, today, next] of CHANGES) {
    const path = locate(file, folder)
    const source = readFileSync(path, 'utf8')
    assert.equal(source.split(today).length, 2, `${file} has "${today}" once`)
    writeFileSync(path, source.replace(today, next))
  }
  return { folder, load: (path) => import(pathToFileURL(locate(path, folder)).href) }
}
