/**
 * Compiles src to dist, and copies the pages' templates, styles and scripts beside the code that serves them.
 *
 * With --if-needed it does nothing while dist fits its sources: their contents count, not their times, which a checkout or
 * a container image sets anew. Nor where it cannot: without the compiler, or on a read-only disk, the build that is there
 * is used.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, constants, cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { extname, join } from 'node:path'

process.chdir(import.meta.dirname)

/** Written last: a build that was interrupted does not count. */
const MARK = 'dist/.sources'

function hashSources () {
  const hash = createHash('sha256')
  for (const file of ['build.js', 'package.json', 'tsconfig.json', 'tsconfig.build.json', ...filesIn('src')]) {
    hash.update(`${file}\0`).update(readFileSync(file)).update('\0')
  }
  return hash.digest('hex')
}

function filesIn (folder) {
  return readdirSync(folder, { recursive: true }).map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile()).sort()
}

function findCompiler () {
  try {
    return createRequire(import.meta.url).resolve('typescript/bin/tsc')
  } catch {
    return undefined
  }
}

function isWritable (path) {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** @returns the exit code */
function build (ifNeeded) {
  const isBuilt = existsSync(MARK)
  const sources = hashSources()
  if (ifNeeded && isBuilt && readFileSync(MARK, 'utf8') === sources) return 0
  const compiler = findCompiler()
  if (ifNeeded && isBuilt && (!compiler || !isWritable('dist'))) return 0
  if (!compiler) return fail('FlowForge is not built, and the compiler is not installed. Run "npm ci && npm run build" first.')
  if (!isWritable(existsSync('dist') ? 'dist' : '.')) return fail(`${join(process.cwd(), 'dist')} cannot be written: build as a user who may.`)
  rmSync(MARK, { force: true })
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
  if (status !== 0) return status ?? 1
  cpSync('src', 'dist', { recursive: true, filter: (path) => ['', '.eta', '.css', '.js', '.svg', '.txt'].includes(extname(path)) })
  writeFileSync(MARK, sources)
  return 0
}

function fail (sentence) {
  console.error(sentence)
  return 1
}

process.exitCode = build(process.argv.includes('--if-needed'))
