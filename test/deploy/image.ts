import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { environmentOf, inherited, last, readContainerfile, type Instruction } from './containerfile.js'
import { PATH, prepareRoot, runInside } from './sandbox.js'

/**
 * Runs the instructions of a stage in a root directory, as a build from the root of this repository would.
 *
 * @param roots the root directories of the stages that it copies from, by name
 */
export async function buildStage (name: string, root: string, roots: Record<string, string>): Promise<void> {
  prepareRoot(root)
  const steps = inherited(readContainerfile(), name)
  const directory = last(steps, 'WORKDIR')
  for (const step of steps) {
    if (step.name === 'COPY') copy(step, roots[step.flags.from!] ?? '.', join(root, directory))
    if (step.name === 'RUN') await run(step, root, directory, environmentOf(steps))
  }
}

function copy ({ text }: Instruction, from: string, directory: string): void {
  const files = text.split(' ')
  const target = join(directory, files.pop()!)
  for (const file of files) {
    cpSync(join(from, file), target.endsWith('/') ? join(target, basename(file)) : target, { recursive: true })
  }
}

async function run ({ text }: Instruction, root: string, directory: string, environment: Record<string, string>): Promise<void> {
  mkdirSync(join(root, directory), { recursive: true })
  if (text === 'npm ci --ignore-scripts') return
  if (text === 'npm ci --omit=dev') return copyDependencies(join(root, directory))
  // `npm test` has already compiled src. The test of the package shows that the copied files suffice to compile it.
  if (text === 'npm run build' && import.meta.filename.endsWith('.js')) {
    return cpSync('build/src', join(root, directory, 'dist'), { recursive: true })
  }
  await runInside(root, ['sh', '-euc', text], {
    user: '0:0',
    directory,
    environment: { PATH, HOME: '/root', ...environment },
    mounts: text === 'npm run build' ? { [join(directory, 'node_modules')]: resolve('node_modules') } : {}
  })
}

/** Copies the installed packages that `npm ci --omit=dev` would install, without downloading. */
function copyDependencies (directory: string): void {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, { dev?: boolean }> }
  const names = Object.entries(packages).filter(([path, { dev }]) => path && !dev && path.lastIndexOf('node_modules') === 0)
    // A package for another platform is not installed.
    .map(([path]) => path).filter((path) => existsSync(path))
  try {
    execFileSync('cp', ['-rl', '--parents', ...names, directory], { stdio: 'ignore' })
  } catch {
    // The temporary directory is on another file system.
    execFileSync('cp', ['-r', '--parents', ...names, directory])
  }
}
