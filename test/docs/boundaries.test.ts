import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { temporaryDirectory } from '../helpers/platform.js'

const run = promisify(execFile)

/** An import that must fail `npm run lint`, and the rule that says so. */
const FORBIDDEN: [title: string, file: string, source: string, rule: string][] = [
  ['telemetry imports the platform', 'src/telemetry/x.ts', "import '../settings/y.js'", 'telemetry-is-self-contained'],
  ['telemetry imports a type of the platform', 'src/telemetry/x.ts', "import type { Y } from '../settings/y.js'\nexport type X = Y",
    'telemetry-is-self-contained'],
  ['telemetry imports a value of sequelize', 'src/telemetry/x.ts', "import { literal } from 'sequelize'\nliteral('1')",
    'telemetry-uses-the-packages-of-its-host'],
  ['telemetry imports a value of fastify', 'src/telemetry/x.ts', "import { fastify } from 'fastify'\nfastify()",
    'telemetry-uses-the-packages-of-its-host'],
  ['telemetry imports a package that it does not bring', 'src/telemetry/x.ts', "import eta from 'eta'\neta",
    'telemetry-imports-its-own-dependencies'],
  ['the collector imports more of telemetry than the ping', 'src/collector/x.ts', "import '../telemetry/z.js'",
    'collector-imports-the-ping-alone'],
  ['the platform imports the collector', 'src/settings/x.ts', "import '../collector/y.js'", 'nobody-imports-the-collector'],
  ['a capability imports a page', 'src/settings/x.ts', "import '../admin/y.js'", 'what-people-see-is-imported-by-the-app-alone'],
  ['one page imports another', 'src/home/x.ts', "import '../admin/y.js'", 'what-people-see-is-imported-by-the-app-alone'],
  ['two files import types of each other', 'src/settings/x.ts', "import type { Y } from './y.js'\nexport type X = Y", 'no-circles'],
  ['an import leads nowhere', 'src/settings/x.ts', "import './nowhere.js'", 'no-unresolvable-import']
]

const OTHERS: Record<string, string> = {
  'src/settings/y.ts': "import type { X } from './x.js'\nexport type Y = X | 1",
  'src/admin/y.ts': 'export const y = 1',
  'src/collector/y.ts': 'export const y = 1',
  'src/telemetry/z.ts': 'export const z = 1'
}

describe('npm run lint fails if', () => {
  for (const [title, file, source, rule] of FORBIDDEN) {
    test(title, async (t) => {
      const project = temporaryDirectory(t)
      symlinkSync(resolve('node_modules'), join(project, 'node_modules'))
      const files: Record<string, string> = { 'src/settings/x.ts': 'export type X = 1', ...OTHERS, [file]: source }
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(project, name)), { recursive: true })
        writeFileSync(join(project, name), text)
      }
      for (const name of ['package.json', 'tsconfig.json', '.dependency-cruiser.cjs']) {
        symlinkSync(resolve(name), join(project, name))
      }
      const cruiser = resolve('node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
      const failure = await run(process.execPath, [cruiser, '--config', '.dependency-cruiser.cjs', 'src'], { cwd: project })
        .then(() => assert.fail('nothing was found'), (error: { stdout: string }) => error)
      assert.ok(failure.stdout.includes(`error ${rule}: ${file}`), failure.stdout)
    })
  }
})
