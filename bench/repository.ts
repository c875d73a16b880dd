/**
 * `npm run bench:repository`: how long a contributor waits, in a fresh clone of the last commit, for `npm ci`, the type
 * check, the build and the tests.
 */
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { publish, ratio, spread } from './publish.js'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3)

const STEPS = {
  install: { args: ['ci'], what: '`npm ci`' },
  check: { args: ['run', 'typecheck'], what: '`npm run typecheck`' },
  build: { args: ['run', 'build'], what: '`npm run build`' },
  test: { args: ['test'], what: '`npm test`' }
}

type Step = keyof typeof STEPS

const steps = Object.keys(STEPS) as Step[]

/** Runs a command of npm in the folder. @returns the seconds that it took @throws if it fails */
async function time (folder: string, args: string[]): Promise<number> {
  const began = performance.now()
  await promisify(execFile)('npm', args, { cwd: folder, maxBuffer: 2 ** 28 })
  return (performance.now() - began) / 1_000
}

const seconds: Record<Step, number[]> = { install: [], check: [], build: [], test: [] }
for (let round = 0; round < ROUNDS; round++) {
  const folder = await mkdtemp(join(tmpdir(), 'flowforge-repository-'))
  try {
    // PostgreSQL runs as another user if root runs this.
    await chmod(folder, 0o755)
    await promisify(execFile)('git', ['clone', '--quiet', '.', folder])
    for (const step of steps) seconds[step].push(await time(folder, STEPS[step].args))
  } finally {
    await rm(folder, { recursive: true })
  }
}
publish('repository', {
  title: 'The repository',
  method: `The commands run one after the other in a fresh clone; rounds: ${ROUNDS}. \`npm ci\` finds its packages in npm's cache if it has run before.`,
  tables: [{
    title: 'A contributor waits',
    columns: ['for', 's, median (range)', 'beside the type check'],
    rows: steps.map((step) => [STEPS[step].what, spread(seconds[step]), ratio(seconds[step], seconds.check)])
  }],
  findings: [`\`npm test\` takes ${spread(seconds.test)} s; the aim is under 120 on two free cores.`]
})
