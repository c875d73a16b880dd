import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { unpack } from '../helpers/unpack.js'

const run = promisify(execFile)

/** What `npm run build` reads. */
export const BUILD_SOURCES = ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'build.js']

/** What `npm pack` reads; it builds first, if need be. */
const SOURCES = [...BUILD_SOURCES, 'bin', 'docs', 'flowforge.yml', 'README.md', 'LICENSE']

export interface Project {
  /** The project's folder; the package is in its `node_modules`. */
  directory: string
  /** The files of the package, as packed. */
  files: string[]
  remove: () => void
}

/**
 * An empty project with the packed package in it, as `npm install` would leave it. Its dependencies are the ones that
 * are installed here already: fetching and compiling them again would prove nothing of ours.
 */
export async function installPackage (): Promise<Project> {
  const root = mkdtempSync(join(tmpdir(), 'flowforge-package-'))
  const source = join(root, 'source')
  for (const name of SOURCES) cpSync(name, join(source, name), { recursive: true })
  // Whoever runs all tests has built already, and has what is packed without the compiler.
  if (existsSync('dist')) cpSync('dist', join(source, 'dist'), { recursive: true })
  symlinkSync(resolve('node_modules'), join(root, 'node_modules'))
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', root], { cwd: source })
  const [{ filename, files }] = JSON.parse(stdout.slice(stdout.indexOf('[')))
  const directory = join(root, 'project')
  const installed = join(directory, 'node_modules', 'flowforge')
  mkdirSync(installed, { recursive: true })
  unpack(join(root, filename), installed)
  return {
    directory,
    files: files.map(({ path }: { path: string }) => path),
    remove: () => { rmSync(root, { recursive: true, force: true }) }
  }
}
