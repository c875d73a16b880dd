import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decideConsent, type ConsentFacts } from '../../src/telemetry/consent.js'
import { readTelemetryConfig } from '../../src/telemetry/config.js'
import { judgeConfigText } from '../../src/telemetry/config-text.js'

/** The facts of a platform without any refusal, overridden by the given ones. */
function decide (facts: Partial<ConsentFacts> = {}) {
  return decideConsent({ config: readTelemetryConfig(undefined), environment: {}, initialised: true, enabled: true, ...facts })
}

/** Reads the telemetry configuration of the given flowforge.yml. */
const judge = (yaml: string) => judgeConfigText(yaml, 'flowforge.yml')

describe('consent', () => {
  test('is given when nobody refuses', () => {
    assert.deepEqual(decide(), {
      allowed: true,
      decidedBy: 'administrator',
      explanation: 'Telemetry is on: the platform\'s settings allow it, and neither flowforge.yml nor the environment turns it off.'
    })
  })

  for (const initialised of [false, undefined, null, 'true', 1]) {
    test(`is refused while setup:initialised is ${JSON.stringify(initialised)}`, () => {
      const { allowed, decidedBy } = decide({ initialised })
      assert.deepEqual({ allowed, decidedBy }, { allowed: false, decidedBy: 'setup' })
    })
  }

  for (const enabled of [false, null, 'true', 'false', 1, {}]) {
    test(`is refused while telemetry:enabled is ${JSON.stringify(enabled)}`, () => {
      const { allowed, decidedBy } = decide({ enabled })
      assert.deepEqual({ allowed, decidedBy }, { allowed: false, decidedBy: 'administrator' })
    })
  }

  for (const name of ['DO_NOT_TRACK', 'FF_TELEMETRY_DISABLED']) {
    for (const value of ['1', 'true', 'yes', 'no', 'FALSE', ' ', '00']) {
      test(`is refused by ${name}="${value}"`, () => {
        const { allowed, decidedBy, explanation } = decide({ environment: { [name]: value } })
        assert.deepEqual({ allowed, decidedBy }, { allowed: false, decidedBy: 'environment' })
        assert.equal(explanation, `Telemetry is off: the environment variable ${name} is set.`)
      })
    }
    for (const value of [undefined, '', '0', 'false']) {
      test(`is not affected by ${name}=${JSON.stringify(value)}`, () => {
        assert.equal(decide({ environment: { [name]: value } }).allowed, true)
      })
    }
  }

  test('is refused by false in flowforge.yml, and by a mistyped variable', () => {
    assert.equal(decide({ config: judge('telemetry: { enabled: false }') }).decidedBy, 'flowforge.yml')
    assert.equal(decide({ environment: { FF_DISABLE_TELEMETRY: '1' } }).decidedBy, 'environment')
  })

  test('is given where telemetry:enabled was never set', () => {
    assert.equal(decide({ enabled: undefined }).allowed, true)
  })

  test('cannot be given by flowforge.yml instead of the administrator', () => {
    const config = judge('telemetry: { enabled: true }')
    assert.equal(decide({ config, enabled: false }).allowed, false)
    assert.equal(decide({ config, initialised: false }).allowed, false)
    assert.equal(decide({ config, environment: { DO_NOT_TRACK: '1' } }).allowed, false)
  })
})

describe('flowforge.yml', () => {
  for (const yaml of [
    '# nothing is set', 'port: 3000', 'telemetry:', 'telemetry: {}', 'telemetry: { enabled: true }', 'telemetry: { enabled: True }',
    'telemetry: { frontend: { x: 1 }, backend: 2, plausible: no, google: {} }', 'telemetry: { url: "http://127.0.0.1:1/" }'
  ]) {
    test(`leaves the choice to the administrator with ${JSON.stringify(yaml)}`, () => {
      const { allowed, doubtful, reason } = judge(yaml)
      assert.deepEqual({ allowed, doubtful, reason }, { allowed: true, doubtful: false, reason: '' })
    })
  }

  test('turns telemetry off with false, without a warning', () => {
    const { allowed, doubtful, reason } = judge('port: 1\ntelemetry:\n  enabled: false')
    assert.deepEqual({ allowed, doubtful, reason }, {
      allowed: false, doubtful: false, reason: 'flowforge.yml, line 3, sets telemetry.enabled to false'
    })
  })

  for (const [what, text] of [['no text', ''], ['blank lines', ' \n\n']] as const) {
    test(`turns telemetry off with ${what}, and says that it is empty`, () => {
      const { allowed, doubtful, reason } = judge(text)
      assert.deepEqual({ allowed, doubtful }, { allowed: false, doubtful: true })
      assert.match(reason, /^flowforge\.yml is empty/)
    })
  }

  const doubts: [string, yaml: string, reason: RegExp][] = [
    ['no', 'telemetry:\n  enabled: no', /^flowforge.yml, line 2, sets telemetry.enabled to 'no', which is neither/],
    ['off', 'telemetry:\n  enabled: off', /line 2, sets telemetry.enabled to 'off'/],
    ['a false in quotes', 'telemetry:\n  enabled: "false"', /line 2, sets telemetry.enabled to 'false'/],
    ['a true in quotes', 'telemetry:\n  enabled: "true"', /line 2, sets telemetry.enabled to 'true'/],
    ['yes', 'telemetry:\n  enabled: yes', /line 2, sets telemetry.enabled to 'yes'/],
    ['yes in a file of YAML 1.1', '%YAML 1.1\n---\ntelemetry:\n  enabled: yes', /line 4, sets telemetry.enabled to 'yes'/],
    ['0', 'telemetry:\n  enabled: 0', /line 2, sets telemetry.enabled to 0/],
    ['1', 'telemetry:\n  enabled: 1', /line 2, sets telemetry.enabled to 1/],
    ['an empty enabled', 'telemetry:\n  enabled:', /line 2, sets telemetry.enabled to null/],
    ['a list', 'telemetry:\n  enabled: [false]', /line 2, sets telemetry.enabled to a list/],
    ['false for the whole section', '\ntelemetry: false', /line 2, sets telemetry to false instead of a section/],
    ['true for the whole section', 'telemetry: true', /line 1, sets telemetry to true/],
    ['a list for the whole section', 'telemetry: [enabled]', /line 1, sets telemetry to/],
    ['an unknown key', 'telemetry:\n  enabeld: false', /line 2, has the unknown key telemetry\.enabeld\. Did you mean "enabled"/],
    ['an unknown key beside a yes', 'telemetry:\n  enabled: true\n  enabeld: false', /line 3, has the unknown key telemetry\.enabeld/],
    ['a key that every object inherits', 'telemetry:\n  constructor: 1', /line 2, has the unknown key telemetry\.constructor/],
    ['an empty url', 'telemetry:\n  url:', /line 2, sets telemetry.url to something other than an http or https URL/],
    ['a url of another kind', 'telemetry:\n  url: file:///tmp/x', /line 2, sets telemetry.url to something/],
    ['a url of another protocol', 'telemetry:\n  url: ftp://127.0.0.1/', /line 2, sets telemetry.url to something/],
    ['a url with white space in it', 'telemetry:\n  url: "h\tttp://127.0.0.1/"', /line 2, sets telemetry.url to something/],
    ['a url with a missing slash', 'telemetry:\n  url: http:/127.0.0.1/', /line 2, sets telemetry.url to something/],
    ['a url with a password', 'telemetry:\n  url: http://a:b@c/', /line 2, sets telemetry.url/],
    ['a duplicate key', 'telemetry:\n  enabled: false\n  enabled: true', /line 3, has telemetry\.enabled twice/],
    ['a duplicate section', 'telemetry:\n  enabled: false\ntelemetry:\n  enabled: true', /line 3, has the key "telemetry"/],
    ['an unknown tag', 'telemetry:\n  enabled: !maybe true', /line 2, cannot be read as YAML/],
    ['an alias without an anchor', 'telemetry: *nothing', /line 1, cannot be read as YAML/],
    ['a merge', 'base: &base { enabled: true }\ntelemetry: { <<: *base }', /line 2, has the unknown key telemetry\.<</],
    ['a section with a capital', 'Telemetry:\n  enabled: false', /line 1, has the key "Telemetry", which reads like/],
    ['a mistyped section', 'port: 1\ntelemtry:\n  enabled: false', /line 2, has the key "telemtry"/],
    ['a flat key', 'telemetry.enabled: false', /line 1, has the key "telemetry\.enabled"/],
    ['a key that lost its indentation', 'telemetry:\nenabled: false', /line 2, has the key "enabled"/]
  ]
  for (const [what, yaml, expected] of doubts) {
    test(`turns telemetry off with ${what}, and names the line`, () => {
      const { allowed, doubtful, reason } = judge(yaml)
      assert.deepEqual({ allowed, doubtful }, { allowed: false, doubtful: true })
      assert.match(reason, expected)
    })
  }
})
