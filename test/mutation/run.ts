/**
 * `npm run test:mutate`: applies the mutations of the tables in this folder one at a time, in a copy of this
 * repository, and runs the test that must fail. Fails if no assertion detects one in time, or its line is missing.
 *
 *     npm run test:mutate                    # all
 *     npm run test:mutate -- collector/      # those whose file has this in its path
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { compile } from '../compile.js'
import { startPostgres } from '../helpers/postgres.js'
import { collectorMutations } from './collector.js'
import type { Mutation } from './mutation.js'
import { telemetryMutations } from './telemetry.js'

/** The time in which a test must fail; a busy machine may need more. */
const LONGEST_S = Number(process.env.MUTATION_SECONDS ?? 20)

const NOT_COPIED = ['node_modules', 'build', 'dist', 'coverage', 'var', '.git']

const passing = new Map<string, Promise<boolean>>()

enterCopy()
const postgres = await startPostgres()
try {
  const [part = ''] = process.argv.slice(2)
  const mutations = [...telemetryMutations, ...collectorMutations].filter(({ file }) => file.includes(part))
  const survivors: string[] = []
  for (const mutation of mutations) {
    const verdict = await judge(mutation)
    console.log(`${verdict.killed ? 'killed' : 'SURVIVED'} in ${verdict.seconds.toFixed(1)} s  ${describe(mutation)}\n    ${verdict.by}`)
    if (!verdict.killed) survivors.push(describe(mutation))
  }
  console.log(`${mutations.length - survivors.length} of ${mutations.length} killed`)
  process.exitCode = survivors.length > 0 ? 1 : 0
} finally {
  await postgres.stop()
}

/** Copies this repository, and changes to the copy. */
function enterCopy (): void {
  const copy = mkdtempSync(join(tmpdir(), 'flowforge-mutation-'))
  process.on('exit', () => { rmSync(copy, { recursive: true, force: true }) })
  for (const name of readdirSync('.')) if (!NOT_COPIED.includes(name)) cpSync(name, join(copy, name), { recursive: true })
  symlinkSync(resolve('node_modules'), join(copy, 'node_modules'))
  process.chdir(copy)
}

/** Whether the test passes without the mutation: a test that fails anyway detects nothing. */
function passesUnbroken (mutation: Mutation): Promise<boolean> {
  const name = `${mutation.test} ${mutation.title ?? ''}`
  const known = passing.get(name) ?? compile().then(() => runTest(mutation)).then(({ output }) => (
    /^# pass [1-9]/m.test(output) && /^# fail 0$/m.test(output)))
  passing.set(name, known)
  return known
}

async function judge (mutation: Mutation): Promise<{ killed: boolean, by: string, seconds: number }> {
  const source = readFileSync(mutation.file, 'utf8')
  const found = source.split(mutation.original).length - 1
  if (found !== 1) return { killed: false, by: `the line occurs ${found} times; update the table`, seconds: 0 }
  if (!await passesUnbroken(mutation)) return { killed: false, by: `${mutation.test} fails without the mutation`, seconds: 0 }
  writeFileSync(mutation.file, source.replace(mutation.original, () => mutation.replacement))
  try {
    await compile()
    const { output, seconds } = await runTest(mutation)
    const by = findAssertion(output)
    const inTime = seconds <= LONGEST_S
    return { killed: by !== undefined && inTime, by: by ?? (inTime ? 'no assertion failed' : 'no assertion failed in time'), seconds }
  } finally {
    writeFileSync(mutation.file, source)
  }
}

/** The title of the test whose assertion failed. */
function findAssertion (output: string): string | undefined {
  return output.split(/^ *(?=not ok )/m).find((part) => /^not ok/.test(part) && /code: 'ERR_ASSERTION'|Property failed after/.test(part))?.split('\n')[0]
}

async function runTest ({ test, title }: Mutation): Promise<{ output: string, seconds: number }> {
  const started = performance.now()
  const { NODE_TEST_CONTEXT, ...env } = process.env
  const child = spawn(process.execPath, [
    '--import', './build/test/guard.js', '--test', '--test-reporter=tap',
    ...(title === undefined ? [] : [`--test-name-pattern=${title.replaceAll('/', '\\/')}`]), join('build', test.replace(/\.ts$/, '.js'))
  ], { env: { ...env, ...postgres.environment }, detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
  const end = setTimeout(() => { process.kill(-child.pid!, 'SIGKILL') }, LONGEST_S * 1_000)
  const output = await text(child.stdout!)
  clearTimeout(end)
  return { output, seconds: (performance.now() - started) / 1_000 }
}

function describe ({ file, original, replacement }: Mutation): string {
  return `${file}: ${original.trim().replaceAll('\n', '⏎')}  ->  ${replacement.trim().replaceAll('\n', '⏎') || '(nothing)'}`
}
