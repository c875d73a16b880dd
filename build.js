/**
 * Compiles src to dist, and copies the pages' templates, styles and scripts next to the code that serves them.
 *
 * With --if-needed it does nothing if dist is complete and made from the same sources, compared by content, as a checkout
 * or a container image changes file times. If it cannot build, without the compiler or on a read-only disk, an existing
 * complete build is used.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, constants, cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { extname, join } from 'node:path'

process.chdir(import.meta.dirname)

/** Written last: a build that was interrupted does not count. */
const MARK = 'dist/.sources'

/** The compiler's record of its last run. It does not notice deleted output files. */
const COMPILED = 'dist/.tsbuildinfo'

const COPIED = ['.eta', '.css', '.js', '.svg', '.txt']

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

/** The files that a build makes. */
function listOutputs () {
  return filesIn('src').flatMap((file) => {
    const output = join('dist', file.slice('src'.length))
    if (COPIED.includes(extname(file))) return [output]
    return extname(file) === '.ts' ? ['.js', '.d.ts'].map((extension) => output.replace(/\.ts$/, extension)) : []
  })
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
  const sources = hashSources()
  const built = existsSync(MARK) ? readFileSync(MARK, 'utf8') : undefined
  const missing = listOutputs().find((file) => !existsSync(file))
  if (ifNeeded && built === sources && !missing) return 0
  const compiler = findCompiler()
  const isBlocked = !isWritable(existsSync('dist') ? 'dist' : '.')
  if (ifNeeded && built && !missing && (!compiler || isBlocked)) {
    console.error('FlowForge was built from other sources than these, and that build is used. Run "npm ci && npm run build" to update it.')
    return 0
  }
  const state = built && missing ? `The build of FlowForge lacks ${missing}` : 'FlowForge is not built'
  if (!compiler) return fail(`${state}, and the compiler is not installed. Run "npm ci && npm run build" first.`)
  if (isBlocked) return fail(`${state}, and ${join(process.cwd(), 'dist')} cannot be written. Run "npm run build" as a user who may.`)
  return compile(compiler, sources)
}

function compile (compiler, sources) {
  for (const file of listOutputs().some((each) => !existsSync(each)) ? [MARK, COMPILED] : [MARK]) rmSync(file, { force: true })
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
  if (status !== 0) return status ?? 1
  cpSync('src', 'dist', { recursive: true, filter: (path) => ['', ...COPIED].includes(extname(path)) })
  const outputs = new Set([...listOutputs(), COMPILED])
  for (const file of filesIn('dist')) if (!outputs.has(file)) rmSync(file)
  writeFileSync(MARK, sources)
  return 0
}

function fail (sentence) {
  console.error(sentence)
  return 1
}

process.exitCode = build(process.argv.includes('--if-needed'))
