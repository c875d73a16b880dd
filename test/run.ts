/**
 * `npm test`: compiles once, builds what is packed and served, starts one PostgreSQL, and runs the tests on them.
 *
 *     npm test                                      # every test except the soak tests
 *     npm test -- test/telemetry/consent.test.ts    # these files; also options of Node.js's test runner
 *     npm run test:soak                             # the soak tests, one file at a time, each in a separate process
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { BUILD, compile } from './compile.js'
import { groupTests, listSoak } from './groups.js'
import { startPostgres, type Postgres } from './helpers/postgres.js'
import { isSoak } from './helpers/soak.js'

/** More than two processors can run at once, as tests mostly wait. */
const CONCURRENCY = 4
const LONGEST_GROUP_MS = 600_000
const LONGEST_SOAK_MS = 3 * 3_600_000
/** Several times what the tests have at once. */
const ROOM_BYTES = 2 ** 32

const args = process.argv.slice(2)
const named = args.filter((arg) => !arg.startsWith('-'))
const options = args.filter((arg) => arg.startsWith('-'))

// Some tests run as other users, whose coverage counts, too.
if (process.env.NODE_V8_COVERAGE) chmodSync(process.env.NODE_V8_COVERAGE, 0o1777)

const memory = isSoak ? undefined : useMemory()
// A single file starts its own, if it needs one, and builds, if it needs that.
const isAlone = named.length === 1
const starting = isAlone ? undefined : startPostgres()
try {
  await compile()
  if (!isAlone) spawnSync(process.execPath, ['build.js', '--if-needed'], { stdio: 'inherit' })
  const files = named.length > 0 ? named.map(locateBuilt) : isSoak ? listSoak().map(locateBuilt) : groupTests()
  process.exitCode = await runTests(files, await starting)
} finally {
  await (await starting)?.stop()
  if (memory) rmSync(memory, { recursive: true, force: true })
}

function locateBuilt (file: string): string {
  return join(BUILD, file.replace(/\.ts$/, '.js'))
}

/**
 * Keeps temporary files in memory, if Linux has room for them: the tests make some hundred databases, and each commit
 * would wait for the disk. Returns the folder.
 */
function useMemory (): string | undefined {
  const [mount] = existsSync('/proc/mounts') ? readFileSync('/proc/mounts', 'utf8').match(/^\S+ \/dev\/shm .*$/m) ?? [] : []
  if (!mount || /\bnoexec\b/.test(mount) || process.env.TMPDIR) return undefined
  const { bavail, bsize } = statfsSync('/dev/shm')
  if (bavail * bsize < ROOM_BYTES) return undefined
  const folder = mkdtempSync('/dev/shm/flowforge-test-')
  // Some tests run as other users.
  chmodSync(folder, 0o1777)
  process.env.TMPDIR = folder
  return folder
}

async function runTests (files: string[], postgres: Postgres | undefined): Promise<number> {
  const runner = spawn(process.execPath, [
    // Lines of TypeScript in a stack cost a twentieth of the time. A file that fails is run alone to see them.
    ...isAlone ? ['--enable-source-maps'] : [], '--import', `./${BUILD}/test/guard.js`, '--test', `--test-concurrency=${isSoak ? 1 : CONCURRENCY}`,
    `--test-timeout=${isSoak ? LONGEST_SOAK_MS : LONGEST_GROUP_MS}`, ...options, ...files
  ], { stdio: 'inherit', env: { ...process.env, ...postgres && { ...postgres.environment, DIST_IS_BUILT: '1' } } })
  // The runner ends on these by itself; this process waits for it, and then stops the PostgreSQL.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => { runner.kill(signal) })
  const [code] = await once(runner, 'exit') as [number | null]
  return code ?? 1
}
