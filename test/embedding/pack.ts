import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { unpack } from '../helpers/unpack.js'

const run = promisify(execFile)

/** Whether `dist` is of these sources: who runs all tests has built it before (test/run.ts). */
const isBuilt = process.env.DIST_IS_BUILT === '1'

/** What `npm run build` reads. */
export const BUILD_SOURCES = ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'build.js']

/** The files that `npm pack` reads; it builds first. */
const SOURCES = [...BUILD_SOURCES, 'bin', 'docs', 'flowforge.yml', 'README.md', 'LICENSE']

export interface Project {
  /** The project's folder; the package is in its `node_modules`. */
  directory: string
  /** The files of the package, as packed. */
  files: string[]
  remove: () => void
}

/**
 * An empty project with the packed package, as `npm install` would create it. It uses the dependencies that are
 * installed here: downloading and compiling them again would test nothing of this repository.
 */
export async function installPackage (): Promise<Project> {
  const root = mkdtempSync(join(tmpdir(), 'flowforge-package-'))
  const source = isBuilt ? resolve('.') : join(root, 'source')
  if (!isBuilt) {
    for (const name of SOURCES) cpSync(name, join(source, name), { recursive: true })
  }
  symlinkSync(resolve('node_modules'), join(root, 'node_modules'))
  const options = ['--json', '--pack-destination', root, ...isBuilt ? ['--ignore-scripts'] : []]
  const { stdout } = await run('npm', ['pack', ...options], { cwd: source })
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
