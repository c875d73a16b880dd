import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decideForOperator } from '../../src/telemetry/consent.js'
import { readTelemetryConfig } from '../../src/telemetry/config.js'
import { judgeConfigText } from '../../src/telemetry/config-text.js'
import { readsLikeOptOut } from '../../src/telemetry/opt-out-words.js'

const judge = (yaml: string) => judgeConfigText(yaml, 'flowforge.yml')

/** All texts one insertion, deletion, replacement or (optionally) swap of neighbours away from a word. */
function editsOf (word: string, { swaps = true } = {}): Set<string> {
  const letters = [...'abcdefghijklmnopqrstuvwxyz']
  const edited = [...word].flatMap((_, at) => [
    word.slice(0, at) + word.slice(at + 1),
    ...swaps && at + 1 < word.length ? [word.slice(0, at) + word[at + 1] + word[at] + word.slice(at + 2)] : [],
    ...letters.flatMap((letter) => [
      word.slice(0, at) + letter + word.slice(at), word.slice(0, at) + letter + word.slice(at + 1)
    ])
  ])
  return new Set(edited)
}

describe('an opt-out outside the telemetry section', () => {
  const rows: [title: string, yaml: string, line: number, key: string][] = [
    ['one indent too deep', 'port: 1\nlogging:\n  level: info\n  telemetry:\n    enabled: false\n', 4, 'telemetry'],
    ['in a section with another name', 'forge_telemetry:\n  enabled: false\n', 1, 'forge_telemetry'],
    ['in a nested section', 'forge:\n  telemetry: { enabled: false }\n', 2, 'telemetry'],
    ['as a separate key', 'disable_telemetry: true\n', 1, 'disable_telemetry'],
    ['in another language', 'telemetrie:\n  enabled: false\n', 1, 'telemetrie'],
    ['in Russian', 'телеметрия: false\n', 1, 'телеметрия'],
    ['with a Cyrillic letter', 'tеlemetry:\n  enabled: false\n', 1, 'tеlemetry'],
    ['all in look-alikes', 'τεΙεмετгу: false\n', 1, 'τεΙεмετгу'],
    ['in full width', 'ｔｅｌｅｍｅｔｒｙ: false\n', 1, 'ｔｅｌｅｍｅｔｒｙ'],
    ['with an accent', 'télémétrie: false\n', 1, 'télémétrie'],
    ['with an invisible letter', 'tele\u200Bmetry: false\n', 1, 'tele\u200Bmetry'],
    ['in a merge at the top', 'base: &base\n  telemetry: { enabled: false }\n<<: *base\n', 2, 'telemetry'],
    ['in a block of text', 'banner: |\n  Welcome\n  telemetry:\n    enabled: false\n', 3, 'telemetry'],
    ['in a folded block of text', 'banner: >-\n  Welcome\n  - no_telemetry: true\n', 3, 'no_telemetry'],
    ['in JSON in a text', 'banner: \'{"port":1,"telemetry":{"enabled":false}}\'\n', 1, 'telemetry'],
    ['as an alias for a key', 'a: &name telemetry\n*name : { enabled: false }\n', 2, 'telemetry'],
    ['as a key that is a list', '? [optOut]\n: true\n', 1, '["optOut"]'],
    ['with an escape', '"tele\\u006dtry": false\n', 1, 'telemtry'],
    ['in a set', 'features: !!set { no_tracking }\n', 1, 'no_tracking'],
    ['in a list', 'plugins:\n  - name: x\n    noTelemetry: true\n', 3, 'noTelemetry'],
    ['in a list of variables', 'env:\n  - DO_NOT_TRACK=1\n', 2, 'DO_NOT_TRACK'],
    ['in an ignored key', 'telemetry:\n  frontend:\n    telemetry: { enabled: false }\n', 3, 'telemetry'],
    ['below a key that is a section', '? { telemetry: false }\n: 1\n', 1, 'telemetry'],
    ['in other words', 'privacy:\n  opt-out: true\n', 2, 'opt-out'],
    ['without a separator', 'optOut: yes\n', 1, 'optOut'],
    ['as tracking', 'usage_tracking: off\n', 1, 'usage_tracking'],
    ['as do not track', 'doNotTrack: 1\n', 1, 'doNotTrack'],
    ['as no tracking', 'tracking:\n  enabled: false\n', 1, 'tracking'],
    ['as dnt', 'dnt: 1\n', 1, 'dnt'],
    ['with two pairs of letters swapped', 'etlemetyr: false\n', 1, 'etlemetyr'],
    ['as tracking with two pairs of letters swapped', 'rtackign: false\n', 1, 'rtackign'],
    ['as two letters swapped with one between them', 'opotlut: true\n', 1, 'opotlut'],
    ['with the tracked subject', 'track_usage: false\n', 1, 'track_usage'],
    ['as opting out in more words', 'opt_me_out: true\n', 1, 'opt_me_out'],
    ['as one of many words', 'allow_app_trakcing_of_users: false\n', 1, 'allow_app_trakcing_of_users'],
    ['as one word with two typos', 'disabletrxckxng: true\n', 1, 'disabletrxckxng'],
    ['as one word', 'dontsendtracking: true\n', 1, 'dontsendtracking'],
    ['as data on usage', 'send_usage_data: false\n', 1, 'send_usage_data'],
    ['as usage pings', 'usagePingEnabled: false\n', 1, 'usagePingEnabled'],
    ['as anonymous usage', 'share_anonymous_usage: false\n', 1, 'share_anonymous_usage'],
    ['as calling home', 'call_home: never\n', 1, 'call_home'],
    ['as track with a negation', 'skip_track: true\n', 1, 'skip_track']
  ]
  for (const [title, yaml, line, key] of rows) {
    test(`turns telemetry off, and is reported by file, line and key without its value: ${title}`, () => {
      const { allowed, doubtful, reason } = judge(yaml)
      assert.deepEqual([allowed, doubtful], [false, true])
      assert.ok(reason.startsWith(`flowforge.yml, line ${line}, has the key ${JSON.stringify(key)}, which reads like`), reason)
    })
  }

  test('is reported without any value', () => {
    const { reason } = judge('telemetry_token: "hunter2"\n')
    assert.ok(!reason.includes('hunter2'))
    assert.ok(!judge('telemetry:\n  url: https://user:hunter2@example.com/\n').reason.includes('hunter2'))
    assert.ok(!judge('telemetry:\n  apikey: hunter2\n').reason.includes('hunter2'))
    assert.ok(!judge('telemetry: [hunter2]\n').reason.includes('hunter2'))
  })

  for (const word of ['telemetry', 'optout', 'donottrack', 'tracking']) {
    test(`turns telemetry off with any single typo in ${word}, at any depth`, () => {
      // Real words one typo away stay allowed: nobody could tell them apart from a mistyped opt-out.
      const ordinary = ['tracing', 'cracking', 'racking', 'trucking']
      const missed = [...editsOf(word)].filter((each) => !ordinary.includes(each))
        .filter((each) => judge(`a:\n  b:\n    ${each}: x\n`).allowed)
      assert.deepEqual(missed, [])
    })
  }

  test('turns telemetry off with two letters of telemetry added, left out or replaced', () => {
    const missed = [...editsOf('telemetry', { swaps: false })].flatMap((once) => [...editsOf(once, { swaps: false })]).filter((each) => !readsLikeOptOut(each))
    assert.deepEqual(missed, [])
  })
})

describe('common configuration is not mistaken for an opt-out:', () => {
  const files: Record<string, string> = {
    'a small installation': 'port: 3000\nhost: 0.0.0.0\ndomain: example.com\nbase_url: https://forge.example.com\n',
    'all sections': `
host: localhost
port: 3000
base_url: http://localhost:3000
api_url: http://localhost:3000
create_admin: true
domain: flows.example.com
support_contact: admin@example.com
db:
  type: postgres
  host: db.example.com
  port: 5432
  user: forge
  password: secret
  database: flowforge
  ssl: true
  logging: false
email:
  enabled: true
  debug: false
  smtp: { host: smtp.example.com, port: 587, secure: false, auth: { user: forge, pass: secret } }
driver:
  type: k8s
  options:
    namespace: flowforge
    projectSelector: { role: projects }
    registry: registry.example.com
    k8sDelay: 1000
    logPassthrough: true
broker:
  url: mqtt://broker:1883
  public_url: wss://broker.example.com
  teamBroker: { enabled: true }
fileStore: { enabled: true, url: http://files:3001, options: { type: s3, path: var/context } }
logging: { level: info, http: warn, pretty: false }
rate_limits: { enabled: true, global: false, max: 1000, timeWindow: 60000 }
support: { enabled: true, frontend: { hubspot: { trackingcode: 12345 } } }
sessions: { maxIdle: 3600, maxDuration: 86400 }
telemetry:
  enabled: true
  frontend: { sentry: { dsn: https://x@sentry.example.com/1 }, posthog: { capture_pageview: true }, plausible: { domain: x } }
  backend: { sentry: { dsn: https://x@sentry.example.com/2 }, prometheus: { enabled: true } }
`,
    'only comments': '# telemetry: false would turn it off\n# nothing is set\n',
    'prose about telemetry': 'welcome: "We use telemetry, and tracking: see our page. Opt out any time."\n'
  }
  for (const [title, yaml] of Object.entries(files)) test(title, () => assert.deepEqual(judge(yaml).reason, ''))

  const keys = [
    'tracking_uri', 'trackingUri', 'tracking_id', 'tracking-url', 'trackingcode', 'backtrack', 'track', 'tracks', 'track_changes',
    'soundtrack', 'tracing', 'trace', 'training', 'ranking', 'racing', 'stacking', 'output', 'outputs', 'option', 'options', 'opt',
    'optional', 'timeout', 'logout', 'layout', 'stdout', 'metrics', 'metric', 'telegram', 'symmetry', 'geometry', 'parameter',
    'parameters', 'elementary', 'entry', 'retry', 'item_retry', 'statistics', 'stats', 'docker', 'broker', 'locker', 'worker', 'marker',
    'enabled_features', 'disabled_users', 'data', 'usage', 'users', 'user', 'send', 'share', 'node', 'platform', 'monitoring', 'logging',
    'sentry', 'prometheus', 'plausible', 'google', 'deployment', 'description', 'directory', 'database', 'domain', 'template', 'temperature',
    'ポート', 'данные', '设置', 'λειτουργία'
  ]
  for (const key of keys) {
    test(`the key ${key}`, () => {
      assert.equal(judge(`${key}: 1\nsection:\n  ${key}: 1\n`).reason, '')
    })
  }
})

describe('an environment variable', () => {
  const decide = (name: string, value: string) => decideForOperator(readTelemetryConfig(undefined), { [name]: value })

  for (const name of [
    'FF_DISABLE_TELEMETRY', 'FF_TELEMETRY_DISABLE', 'FLOWFORGE_TELEMETRY_DISABLED', 'do_not_track', 'DONOTTRACK', 'DO_NOT_TRAK',
    'FF_OPT_OUT', 'FF_NO_TRACKING', 'FLOWFUSE_TELEMETRY_DISABLED', 'FLOWFORGE_DO_NOT_TRACK', 'FF_USAGE_TRAKCING_DISABLED', 'FLOWFORGE_OPTOUT',
    'FF_TELEMTRY_DISABLED', 'FF_NO_TELEMETRY', 'TELEMETRY_DISABLED', 'FF_TELEMETRY_OPT_OUT', 'ff_telemetry_disabled', 'FF_TELEMETRY'
  ]) {
    test(`that is mistyped turns telemetry off, and is reported without its value: ${name}`, () => {
      const refusal = decide(name, 'hunter2')
      assert.equal(refusal?.decidedBy, 'environment')
      const { explanation } = refusal!
      assert.ok(explanation.includes(`variable ${name} is set, which reads like a mistyped opt-out. Did you mean FF_TELEMETRY_DISABLED?`))
      assert.ok(!explanation.includes('hunter2'))
      assert.equal(decide(name, ''), undefined)
    })
  }

  for (const name of [
    'NEXT_TELEMETRY_DISABLED', 'DOTNET_CLI_TELEMETRY_OPTOUT', 'HOMEBREW_NO_ANALYTICS', 'GATSBY_TELEMETRY_DISABLED', 'OTEL_TRACES_EXPORTER',
    'PATH', 'HOME', 'NODE_ENV', 'FF_HOME', 'FLOWFORGE_HOME', 'NODE_OPTIONS', 'TRACKER_URL', 'VP_TELEMETRY', 'SEND', 'USER'
  ]) {
    test(`of another purpose has no effect: ${name}`, () => assert.equal(decide(name, '1'), undefined))
  }
})
