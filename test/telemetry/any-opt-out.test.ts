import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { loadConfig } from '../../src/config/index.js'
import { loadTelemetryConfig } from '../../src/telemetry/config-file.js'
import { judgeConfigText } from '../../src/telemetry/config-text.js'
import { inSoak } from '../helpers/soak.js'

const RUNS = Number(process.env.FUZZ_RUNS ?? inSoak('10000', '500'))

/** The value of every key: no message may repeat it, as any value may be a secret. */
const SECRET = 'hunter2'

/** Words within one or two typos of a topic that are not opt-outs. */
const STAY_ALLOWED = new Set([
  'tracing', 'training', 'trading', 'ranking', 'racing', 'taking', 'backing', 'packing', 'stacking', 'cracking', 'trucking', 'racking',
  'trapping', 'trailing', 'trunking', 'talking', 'tasking', 'ticking', 'hacking', 'lacking', 'blacking', 'bracing', 'attacking', 'tracings',
  'output', 'stout', 'pout', 'putout', 'popout', 'copout', 'cutout', 'spout', 'sprout'
])

/** Words for telemetry, tracking or opting out, and words that people put before and after them. */
const TOPICS = [['telemetry'], ['tracking'], ['opt', 'out'], ['optout'], ['do', 'not', 'track'], ['opted', 'out']]
const BEFORE = [[], ['disable'], ['enable'], ['usage'], ['forge'], ['anonymous'], ['no'], ['my', 'own'], ['ff', 'user']]
const AFTER = [[], ['enabled'], ['disabled'], ['off'], ['settings']]

const LOOK_ALIKES: Record<string, string[]> = {
  a: ['а', 'α', 'ａ', 'á'],
  c: ['с', 'ϲ', 'ｃ'],
  e: ['е', 'ε', 'ｅ', '3', 'é'],
  g: ['ɡ', 'ｇ'],
  i: ['і', 'ι', 'ⅰ'],
  k: ['к', 'κ', 'ｋ'],
  l: ['ӏ', 'ⅼ', '1'],
  m: ['м', 'ｍ', '𝗆'],
  n: ['ո', 'ｎ'],
  o: ['о', 'ο', '0', 'ｏ'],
  p: ['р', 'ρ'],
  r: ['г', 'ｒ'],
  t: ['т', 'τ', 'ｔ', '𝐭'],
  u: ['υ', 'ｕ'],
  y: ['у', 'γ', 'ｙ']
}

const slip = fc.record({
  kind: fc.constantFrom('insert', 'remove', 'replace', 'swap'), at: fc.nat(20), letter: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz')
})

function edit (word: string, { kind, at: anywhere, letter }: { kind: string, at: number, letter: string }): string {
  const at = anywhere % word.length
  const [start, end] = [word.slice(0, at), word.slice(at)]
  if (kind === 'insert') return start + letter + end
  if (kind === 'remove') return start + end.slice(1)
  if (kind === 'replace') return start + letter + end.slice(1)
  return start + end.slice(1, 2) + end.slice(0, 1) + end.slice(2)
}

/** A topic with up to two typos, with look-alike letters, and with its words joined in any way. */
const spelled = fc.record({
  topic: fc.constantFrom(...TOPICS),
  slips: fc.array(slip, { maxLength: 2 }),
  before: fc.constantFrom(...BEFORE),
  after: fc.constantFrom(...AFTER),
  joint: fc.constantFrom('_', '-', '.', ' ', 'hump'),
  shout: fc.boolean(),
  replaced: fc.array(fc.nat(), { maxLength: 3 })
}).filter(({ topic, slips }) => !STAY_ALLOWED.has(slips.reduce(edit, topic.join(''))))
  .map(({ topic, slips, before, after, joint, shout, replaced }) => {
    // All typos fall into one word.
    const [first = '', ...rest] = topic
    const words = topic.length === 1 || slips.length === 0 ? [slips.reduce(edit, first), ...rest] : [slips.reduce(edit, topic.join(''))]
    const all = [...before, ...words, ...after].filter(Boolean)
    const key = joint === 'hump' ? all.map((word, at) => at > 0 ? word[0]!.toUpperCase() + word.slice(1) : word).join('') : all.join(joint)
    const letters = [...shout && joint !== 'hump' ? key.toUpperCase() : key]
    for (const place of replaced) {
      const others = LOOK_ALIKES[letters[place % letters.length]!] ?? []
      if (others.length > 0) letters[place % letters.length] = others[place % others.length]!
    }
    return letters.join('')
  }).filter((key) => key !== 'telemetry')

/** Ways to nest a key, the outermost first. Each takes the key as written in YAML. */
const NESTS: ((key: string) => string)[] = [
  (key) => `${key}: ${SECRET}\n`,
  (key) => `port: 3000\n${key}:\n  enabled: false\n  token: ${SECRET}\n`,
  (key) => `logging:\n  level: info\n  ${key}: { enabled: ${SECRET} }\n`,
  (key) => `a:\n  - b: 1\n  - c:\n      - { d: [ { ${key}: ${SECRET} } ] }\n`,
  (key) => `base: &base { ${key}: ${SECRET} }\n<<: *base\n`,
  (key) => `base: &base\n  ${key}: ${SECRET}\nother:\n  <<: *base\n`,
  (key) => `<<: [ { ${key}: ${SECRET} }, { port: 1 } ]\n`,
  (key) => `? { ${key}: ${SECRET} }\n: 1\n`,
  (key) => `? [ ${key} ]\n: ${SECRET}\n`,
  (key) => `a: !!set { ${key} }\n`,
  (key) => `name: &name ${key}\n*name : ${SECRET}\n`,
  (key) => `text: |\n  Welcome\n\n  ${key}: ${SECRET}\n`,
  (key) => `text: >-\n  Welcome\n  ${key}: ${SECRET}\n`,
  (key) => `telemetry:\n  enabled: true\n  frontend: { x: { ${key}: ${SECRET} } }\n`,
  (key) => `? ${key}\n: ${SECRET}\n`,
  (key) => `!!str ${key}: ${SECRET}\n`,
  (key) => `%YAML 1.1\n---\na:\n  ${key}: ${SECRET}\n...\n`
]

/** In a text block only a key without spaces counts: a sentence with a colon in it is not an opt-out. */
const fits = (nest: (key: string) => string, key: string) => !/text: [|>]/.test(nest('')) || !key.includes(' ')

test('any key about telemetry or tracking, at any depth, in any spelling, opts out and is reported by line', () => {
  fc.assert(fc.property(spelled, fc.constantFrom(...NESTS), fc.boolean(), (key, nest, isQuoted) => {
    fc.pre(fits(nest, key))
    const written = isQuoted && !/text:/.test(nest('')) ? JSON.stringify(key) : key
    const text = nest(written)
    const { allowed, doubtful, reason } = judgeConfigText(text, 'flowforge.yml')
    assert.deepEqual([allowed, doubtful], [false, true], text)
    // For an alias, the line is where the alias is used as a key.
    const line = (text.slice(0, text.lastIndexOf(nest === NESTS[10] ? '*name' : written)).match(/\n/g) ?? []).length + 1
    const named = nest === NESTS[8] ? /has the key "\[/ : `flowforge.yml, line ${line}, has the key ${JSON.stringify(key)}, `
    assert.ok(typeof named === 'string' ? reason.startsWith(named) : named.test(reason), `${reason}\n${text}`)
    assert.ok(!reason.includes(SECRET), reason)
  }), { numRuns: RUNS })
})

const FOLDER = join('test', 'fixtures', 'configurations')

describe('a real configuration file contains no opt-out:', () => {
  for (const file of readdirSync(FOLDER)) {
    test(file, async () => {
      const config = loadConfig(join(FOLDER, file), {})
      assert.deepEqual(await loadTelemetryConfig(config), { allowed: true, url: 'https://ping.flowforge.com', reason: '', doubtful: false })
    })
  }
})

/** Every key of the real configuration files. */
const REAL_KEYS = [...new Set(readdirSync(FOLDER).flatMap((file) => (
  [...readFileSync(join(FOLDER, file), 'utf8').matchAll(/(?:^|[{,])\s*(?:- )?([\w./-]+): /gm)].map(([, key]) => key!))))]
  .filter((key) => !['telemetry', 'enabled'].includes(key))

test('real keys, nested in any way, contain no opt-out', () => {
  assert.ok(REAL_KEYS.length > 200, `${REAL_KEYS.length} keys`)
  const { tree } = fc.letrec<{ tree: Record<string, unknown> }>((tie) => ({
    tree: fc.dictionary(fc.constantFrom(...REAL_KEYS), fc.oneof({ maxDepth: 2 },
      fc.constantFrom(1, true, 'text', 'a: b\nc: d\n', null), fc.array(tie('tree'), { maxLength: 2 }), tie('tree')), { maxKeys: 5 })
  }))
  fc.assert(fc.property(tree, fc.boolean(), (values, isFlow) => {
    const text = stringify(values, isFlow ? { collectionStyle: 'flow' } : {})
    assert.equal(judgeConfigText(text, 'flowforge.yml').reason, '', text)
  }), { numRuns: RUNS })
})

test('an opt-out in a real configuration file turns telemetry off', () => {
  for (const file of readdirSync(FOLDER)) {
    const text = `${readFileSync(join(FOLDER, file), 'utf8')}features:\n  opt_out: true\n`
    assert.match(judgeConfigText(text, file).reason, /has the key "opt_out"/)
  }
})
