import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'

/** Each forbidden import gets its own file: `x.ts` stands for `x0.ts`, `x1.ts` ... */
const numbered = (file: string, number: number) => file.replace('x.ts', `x${number}.ts`)

/** An import that must fail `npm run lint`, and the rule that forbids it. */
const FORBIDDEN: [title: string, file: string, source: string, rule: string][] = [
  ['telemetry imports the platform', 'src/telemetry/x.ts', "import '../settings/y.js'", 'telemetry-is-self-contained'],
  ['telemetry imports a type of the platform', 'src/telemetry/x.ts', "import type { Y } from '../settings/y.js'\nexport type X = Y",
    'telemetry-is-self-contained'],
  ['telemetry imports a value of sequelize', 'src/telemetry/x.ts', "import { literal } from 'sequelize'\nliteral('1')",
    'telemetry-uses-the-packages-of-its-host'],
  ['telemetry imports a value of fastify', 'src/telemetry/x.ts', "import { fastify } from 'fastify'\nfastify()",
    'telemetry-uses-the-packages-of-its-host'],
  ['telemetry imports a package that is not its dependency', 'src/telemetry/x.ts', "import eta from 'eta'\neta",
    'telemetry-imports-its-own-dependencies'],
  ['the collector imports more of telemetry than the ping', 'src/collector/x.ts', "import '../telemetry/z.js'",
    'collector-imports-the-ping-alone'],
  ['the platform imports the collector', 'src/settings/x.ts', "import '../collector/y.js'", 'nobody-imports-the-collector'],
  ['a capability imports a page', 'src/settings/x.ts', "import '../admin/y.js'", 'what-people-see-is-imported-by-the-app-alone'],
  ['one page imports another', 'src/home/x.ts', "import '../admin/y.js'", 'what-people-see-is-imported-by-the-app-alone'],
  ['two files import types of each other', 'src/settings/x.ts', "import type { Y } from './z.js'\nexport type X = Y", 'no-circles'],
  ['an import leads nowhere', 'src/settings/x.ts', "import './nowhere.js'", 'no-unresolvable-import']
]

const OTHERS: Record<string, string> = {
  'src/settings/y.ts': 'export type Y = 1',
  'src/settings/z.ts': `import type { X } from './x${FORBIDDEN.findIndex(([, , , rule]) => rule === 'no-circles')}.js'\nexport type Y = X | 1`,
  'src/admin/y.ts': 'export const y = 1',
  'src/collector/y.ts': 'export const y = 1',
  'src/telemetry/z.ts': 'export const z = 1'
}

describe('npm run lint fails if', () => {
  let found = ''
  before(async () => { found = await cruise() })

  for (const [number, [title, file, , rule]] of FORBIDDEN.entries()) {
    test(title, () => {
      assert.ok(found.includes(`error ${rule}: ${numbered(file, number)}`), found)
    })
  }
})

/** The output of the lint for one project with all of these files, as each run takes seconds to start. */
async function cruise (): Promise<string> {
  const project = mkdtempSync(join(tmpdir(), 'flowforge-boundaries-'))
  after(() => { rmSync(project, { recursive: true, force: true }) })
  const files: Record<string, string> = { ...OTHERS }
  for (const [number, [, file, source]] of FORBIDDEN.entries()) files[numbered(file, number)] = source
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(project, name)), { recursive: true })
    writeFileSync(join(project, name), text)
  }
  for (const name of ['node_modules', 'package.json', 'tsconfig.json', '.dependency-cruiser.cjs']) {
    symlinkSync(resolve(name), join(project, name))
  }
  const cruiser = resolve('node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
  return promisify(execFile)(process.execPath, [cruiser, '--config', '.dependency-cruiser.cjs', 'src'], { cwd: project })
    .then(() => assert.fail('the lint found nothing'), (error: { stdout: string }) => error.stdout)
}
