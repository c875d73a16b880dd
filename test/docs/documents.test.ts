import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { listDocuments } from '../../docs/documents.js'
import { fillTables } from '../../docs/tables.js'
import { configSchema } from '../../src/config/schema.js'
import { OPT_OUT_VARIABLES } from '../../src/telemetry/consent.js'
import { serialisePing, type Ping } from '../../src/telemetry/ping.js'

for (const file of listDocuments()) {
  describe(file, () => {
    const text = readFileSync(file, 'utf8')

    test('has up-to-date tables', () => {
      assert.equal(text, fillTables(text), `${file} is outdated; update it with: npm run docs`)
    })

    test('has no broken links', () => {
      const targets = [...text.matchAll(/]\((?!https?:)([^)]+)\)/g)].map(([, target]) => target!)
      assert.deepEqual(targets.filter((target) => !leadsSomewhere(file, target)), [])
    })
  })
}

for (const file of ['README.md', 'docs/telemetry.md']) {
  test(`${file} shows a valid ping of this release`, () => {
    const [, example] = readFileSync(file, 'utf8').match(/```json\n([^]*?)```/) ?? []
    assert.doesNotThrow(() => serialisePing(JSON.parse(example!) as Ping), `the example in ${file} is not what is sent`)
  })

  test(`${file} names every way to opt out`, () => {
    const text = readFileSync(file, 'utf8')
    for (const way of [...OPT_OUT_VARIABLES, 'enabled: false', 'Admin Settings', 'setup wizard']) assert.ok(text.includes(way), way)
  })
}

test('docs/architecture.md names only existing files', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).map((file) => basename(file))
  const named = readFileSync('docs/architecture.md', 'utf8').match(/[\w-]+\.ts\b/g)!
  assert.ok(named.length > 10)
  assert.deepEqual(named.filter((name) => !sources.includes(name)), [])
})

/** A pattern that only the file that decides the question contains. */
const DECIDES: [question: string, code: RegExp][] = [
  ['May a ping be sent?', /export function decideConsent\b/],
  ['Does a mistyped key or variable count as an opt-out?', /export function readsLikeOptOut\b/],
  ['Which configuration file is read?', /export function findConfigFile\b/],
  ['What may a ping contain?', /export const pingSchema\b/],
  ['When is a ping due?', /export function startSchedule\b/],
  ['Which of several replicas sends it?', /export async function claimPing\b/],
  ['Is a failed ping attempted again, and when?', /export function retryDelay\b/],
  ['Who may continue the setup?', /export async function requireOwner\b/],
  ['How is the sender\'s address hashed?', /createHmac/],
  ['Which installations does a report count?', /const selectSettled\b/]
]

test('docs/architecture.md names the file that decides each question', () => {
  const section = readFileSync('docs/architecture.md', 'utf8').split('## Where is it decided?')[1]!
  const answers = [...section.matchAll(/^\| (.+\?) \| \[`(.+)`\]/gm)].map(([, question, file]) => [question!, file!] as const)
  assert.deepEqual(answers.map(([question]) => question), DECIDES.map(([question]) => question))
  for (const [index, [question, file]] of answers.entries()) assert.match(readFileSync(file, 'utf8'), DECIDES[index]![1], question)
})

test('flowforge.yml explains every key', () => {
  const text = readFileSync('flowforge.yml', 'utf8')
  const keys = Object.entries(configSchema.properties)
    .flatMap(([key, schema]) => 'properties' in schema ? [key, ...Object.keys(schema.properties)] : [key])
  for (const key of keys) assert.match(text, new RegExp(`^ *(# )?${key}:`, 'm'), key)
})

/** Whether the file exists and has the heading. */
function leadsSomewhere (from: string, target: string): boolean {
  const [path, heading] = target.split('#') as [string, string?]
  const file = path ? join(dirname(from), path) : from
  if (!existsSync(file)) return false
  return !heading || headingsOf(readFileSync(file, 'utf8')).includes(heading)
}

function headingsOf (text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) => title!.toLowerCase().replace(/[^\w -]/g, '').replaceAll(' ', '-'))
}
