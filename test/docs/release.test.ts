/** Requirements of a release other than working code. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { listForgotten, listHolds } from '../../docs/holds.js'
import { temporaryDirectory } from '../helpers/platform.js'

/** Licences that allow use in a product under the Apache License 2.0 without conditions on its source. */
const ALLOWED = ['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT']

test('exactly the pins, holds, overrides and blocked scripts of package.json have a reason', () => {
  assert.deepEqual(listHolds().filter(([, , , reason]) => !reason), [])
  assert.deepEqual(listForgotten(), [])
})

test('npm finds no missing, extraneous or invalid packages', async () => {
  const { stdout } = await promisify(execFile)('npm', ['ls', '--all', '--json'], { maxBuffer: 64 * 1024 * 1024 })
    .catch(({ stdout }: { stdout: string }) => ({ stdout }))
  assert.equal(JSON.parse(stdout).problems, undefined)
})

interface Locked { dev?: boolean, optional?: boolean, license?: string }

const readJson = (file: string) => JSON.parse(readFileSync(file, 'utf8'))

test('every production dependency has an allowed licence', () => {
  const { packages } = readJson('package-lock.json') as { packages: Record<string, Locked> }
  const production = Object.entries(packages).filter(([path, { dev }]) => path && !dev)
  assert.ok(production.length > 50)
  const refused = production.filter(([path, locked]) => !isAllowed(licenceOf(path, locked))).map(([path]) => path)
  assert.deepEqual(refused, [])
})

function licenceOf (path: string, { license }: Locked): string {
  if (license) return license
  return existsSync(join(path, 'package.json')) ? String(readJson(join(path, 'package.json')).license) : ''
}

/** Checks an SPDX expression such as `(MIT OR WTFPL)`: one alternative has to be allowed. */
function isAllowed (expression: string): boolean {
  return expression.replace(/^\(|\)$/g, '').split(' OR ').some((licence) => ALLOWED.includes(licence))
}

test('a release names its repository, and its README has no relative links or pictures', async (t) => {
  const copy = temporaryDirectory(t)
  for (const file of ['package.json', 'README.md']) copyFileSync(file, join(copy, file))
  const url = 'https://git.example.com/owner/name'
  await promisify(execFile)(process.execPath, [resolve('name-repository.js'), url, 'v1.2.3'], { cwd: copy })
  const manifest = readJson(join(copy, 'package.json'))
  assert.equal(manifest.repository.url, `git+${url}.git`)
  assert.equal(manifest.bugs, `${url}/issues`)
  const readme = readFileSync(join(copy, 'README.md'), 'utf8')
  assert.deepEqual([...readme.matchAll(/\]\(([^)]*)\)/g)].map(([, target]) => target!).filter((target) => !/^(https:|#)/.test(target)), [])
  assert.match(readme, new RegExp(`!\\[[^\\]]*\\]\\(${url}/raw/v1.2.3/docs/[\\w-]+\\.png\\)`))
})

test('CI runs on the oldest Node.js releases that package.json allows, and on newer lines', () => {
  const { jobs: { ci } } = parse(readFileSync('.github/workflows/ci.yml', 'utf8')) as { jobs: { ci: { strategy: { matrix: { node: string[] } } } } }
  const admitted = (readJson('package.json').engines.node as string).split(' || ')
  assert.deepEqual(ci.strategy.matrix.node.slice(0, admitted.length), admitted.map((range) => range.replace(/^(\^|>=)|\.0$/g, '')))
})

describe('the workflows', () => {
  for (const file of readdirSync('.github/workflows')) {
    const { jobs } = parse(readFileSync(`.github/workflows/${file}`, 'utf8')) as { jobs: Record<string, { steps: { run?: string, uses?: string }[] }> }
    const steps = Object.values(jobs).flatMap(({ steps }) => steps)

    test(`${file} runs only existing files and scripts`, () => {
      const { scripts } = readJson('package.json')
      for (const { run = '' } of steps) {
        for (const [, script] of run.matchAll(/npm run ([\w:-]+)/g)) assert.ok(scripts[script!], script)
        for (const [, path] of run.matchAll(/^(?:node )?([\w./-]+\.js|\.ci\/run)/g)) assert.ok(existsSync(path!), path)
      }
    })

    test(`${file} pins each action to a release`, () => {
      for (const { uses } of steps) if (uses) assert.match(uses, /@(v\d+|[0-9a-f]{40})$/)
    })
  }
})
