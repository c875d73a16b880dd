import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseDocument, stringify } from 'yaml'
import { ConfigError, loadConfig } from '../../src/config/index.js'
import { loadTelemetryConfig } from '../../src/telemetry/config-file.js'
import { judgeConfigText } from '../../src/telemetry/config-text.js'
import { temporaryDirectory } from '../helpers/platform.js'
import { inSoak, someOf } from '../helpers/soak.js'

const RUNS = inSoak(10_000, 300)
const KNOWN = ['enabled', 'url', 'frontend', 'backend', 'plausible']

const NO = 'port: 3000\ntelemetry:\n  enabled: false # no\n  url: http://127.0.0.1/\ndb: { type: sqlite }\n'
const YES = NO.replace('false # no', 'true')
const SNIPPETS = [
  '\t', ' ', '\n', ':', '#', '"', "'", '{', '[', '&a ', '*a', '!!str ', '? ', '- ', '---\n', '|', '<<: ', '\0', '\uFEFF', 'true', 'false', 'no', 'e'
]

/** A valid file with random insertions and deletions. */
const mistyped = fc.tuple(
  fc.constantFrom(NO, YES),
  fc.array(fc.tuple(fc.nat(NO.length), fc.nat(2), fc.constantFrom('', ...SNIPPETS)), { minLength: 1, maxLength: 4 })
).map(([file, edits]) => edits.reduce((text, [at, cut, snippet]) => text.slice(0, at) + snippet + text.slice(at + cut), file))

/** A file of arbitrary YAML, with a section of arbitrary values. */
const written = fc.record({
  port: fc.oneof(fc.constant(3000), fc.jsonValue()),
  telemetry: fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...KNOWN, 'enabeld', 'Enabled'), fc.oneof(
    fc.boolean(), fc.constantFrom('yes', 'true', 'http://127.0.0.1/', 'ftp://127.0.0.1/', null), fc.jsonValue())))
}, { requiredKeys: [] }).map((values) => stringify(values))

test('any YAML starts a platform or is refused with a message, and consents only if strictly valid', async (t) => {
  const file = join(temporaryDirectory(t), 'flowforge.yml')
  let yes = 0
  await fc.assert(fc.asyncProperty(fc.oneof(mistyped, written, fc.string({ unit: 'binary' })), async (text) => {
    writeFileSync(file, text)
    const config = load(file)
    if (!config || !(await loadTelemetryConfig(config)).allowed) return
    yes++
    assert.ok(isStrictYes(text), text)
  }), { numRuns: RUNS })
  // If every file were refused, the test would show nothing.
  assert.ok(yes > RUNS / 100, `${yes} of ${RUNS}`)
})

function load (file: string) {
  try {
    return loadConfig(file, {})
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return undefined
  }
}

/** Section 4 of the design, implemented independently: absent or exactly `true`, and no unknown key. */
function isStrictYes (text: string): boolean {
  const document = parseDocument(text.replace(/^\uFEFF/, ''), { schema: 'core', logLevel: 'silent' })
  if (document.errors.length > 0) return false
  const section = (document.toJS() as { telemetry?: unknown } | null)?.telemetry
  if (section === undefined || section === null) return true
  if (typeof section !== 'object' || Array.isArray(section)) return false
  const { enabled = true, url = 'http://127.0.0.1/' } = section as { enabled?: unknown, url?: unknown }
  return Object.keys(section).every((key) => KNOWN.includes(key)) && enabled === true &&
    typeof url === 'string' && /^https?:/i.test(url)
}

test('a text of any characters is judged in time at most linear in its length', () => {
  const measure = (length: number, make: (length: number) => string) => {
    const text = make(length)
    const before = process.cpuUsage()
    judgeConfigText(text, 'flowforge.yml')
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1_000
  }
  const characters = ['\n', ' ', '\t', '-', '- ', '"', '_', 'a', 'aB', '\u00a0', '\u2028', '-\n', ' \n', 'a ', "'", '=', ': ']
  for (const character of someOf(characters, 0, 1, 3, 8, 9, 12, 13)) {
    for (const [start, end] of [['a: |+\n  ', ''], ['a: ', ''], ['', ': 1'], ["a: '", "'"]]) {
      const make = (length: number) => start + character.repeat(length / character.length) + end
      const [short, long] = [measure(2_000, make), measure(60_000, make)]
      // Allow a factor of two for noise, and some milliseconds for garbage collection.
      assert.ok(long < short * 30 * 2 + 100, `${JSON.stringify([start, character, end])}: ${long} ms beside ${short} ms`)
    }
  }
})
