import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { describeOne, STATES, type State } from '../../docs/states.js'
import { settingsTable } from '../../src/collector/settings.js'
import { DEFAULT_URL } from '../../src/telemetry/config.js'
import { describeDecision, RETENTION_DAYS } from '../../src/telemetry/describe-state.js'
import { DECIDERS, PING_OUTCOMES } from '../../src/telemetry/types.js'

/** The end of the heading after "Telemetry is on", by the outcome of the last ping. */
const PROBLEMS: Record<string, string> = {
  unconfirmed: ', but the last ping was not confirmed',
  failed: ', but the last ping was not delivered',
  interrupted: ', but the last ping may not have arrived'
}

/** Matches a claim that pings are sent, which is true only while telemetry is on, unless it names the condition. */
const SENDS = /goes to|go to|(?<!what )(is|are) (sent|posted)|telemetry is on/i
const ON_CONDITION = /\b(once|until|unless|would)\b|no ping is posted/i

/** Matches a promise that the same ping is retried. */
const RETRY = /next in|next attempt|attempt \d+ of|first attempt in|again by itself|tried again/i

const isOff = ({ section, environment, initialised, enabled, host, missing }: State) => (
  [host, missing].some(Boolean) || enabled === false || initialised === false || environment !== undefined ||
  (section !== undefined && Object.keys(section).some((key) => key !== 'url')) || hasUnknownReceiver({ section }))

/** The receiver is unknown if its key is invalid, or if an unknown key may be a mistyped one. */
function hasUnknownReceiver ({ section = {} }: Pick<State, 'section'>): boolean {
  const { url, ...others } = section
  return url === undefined ? Object.keys(others).some((key) => key !== 'enabled') : !/^https?:/.test(url as string)
}

function expectedHeading (state: State): string {
  if (isOff(state)) return 'Telemetry is off'
  const { outcome = 'delivered', attempts = 1 } = state.last ?? {}
  const problem = outcome === 'pending' && attempts > 0 ? ', but the last ping is not delivered yet' : PROBLEMS[outcome] ?? ''
  return `Telemetry is on${problem}`
}

test('the states cover each source of a decision and each outcome', () => {
  const described = STATES.map((state) => describeOne(state).consent.decidedBy)
  assert.deepEqual(DECIDERS.filter((decider) => !described.includes(decider)), [])
  const outcomes = STATES.flatMap(({ last }) => last ? [last.outcome ?? 'delivered'] : [])
  assert.deepEqual(PING_OUTCOMES.filter((outcome) => !outcomes.includes(outcome)), [])
})

test('if consent cannot be read, the page says that nothing is sent', () => {
  const sentence = describeDecision({ enabled: true, operator: undefined, consent: undefined, url: DEFAULT_URL })
  assert.match(sentence, /^Whether a ping may be sent cannot be told at the moment, so none is sent\. Once it can, /)
})

for (const state of STATES) {
  describe(`in the state "${state.name}"`, () => {
    const { consent, heading, sentences } = describeOne(state)
    const told = Object.entries(sentences)

    test('the heading says whether telemetry is on, and names a problem', () => {
      assert.equal(heading, expectedHeading(state))
      assert.equal(consent.allowed, !isOff(state))
    })

    test('every sentence is complete', () => {
      for (const [where, sentence] of told) {
        assert.doesNotMatch(sentence, /undefined|null|\{|\}|\.\.|\s\s/, where)
        if (sentence && where !== 'page, heading') assert.match(sentence, /^[\w*[].*\.$/, where)
      }
    })

    test('no sentence claims that pings are sent while none are', () => {
      if (consent.allowed) return
      for (const [where, sentence] of told) {
        for (const part of sentence.split(/(?<=\.)\s/)) {
          if (SENDS.test(part)) assert.match(part, ON_CONDITION, where)
        }
      }
    })

    test('a retry is promised only if one is waiting', () => {
      const isWaiting = state.last?.outcome === 'pending' && state.last.nextAttemptAt !== undefined
      assert.equal(told.some(([, sentence]) => RETRY.test(sentence)), isWaiting)
    })

    test('Admin Settings are named only for what can be decided there', () => {
      const elsewhere = !consent.allowed && consent.decidedBy !== 'administrator'
      if (elsewhere) assert.doesNotMatch(consent.explanation, /Admin Settings/)
      for (const [where, sentence] of told) assert.doesNotMatch(sentence, /turned (it |telemetry )?o(n|ff) in Admin Settings/, where)
    })

    test('an unknown receiver is not named', () => {
      if (!hasUnknownReceiver(state)) return
      assert.match(sentences['`status`, destination']!, /^No ping is posted\. Where pings would go is not known while/)
      for (const [where, sentence] of told) assert.doesNotMatch(sentence, /FlowForge team|ping\.(flowforge|example)/, where)
    })

    test('only FlowForge\'s own receiver is called that', () => {
      const url = state.section?.url
      if (url === undefined || url === DEFAULT_URL) return
      for (const [where, sentence] of told) {
        if (where === 'page, last ping; `log`' && !state.last?.url) continue
        assert.doesNotMatch(sentence, /FlowForge team (at|keeps)|ping\.flowforge\.com/, where)
      }
    })
  })
}

test('the stated retention is that of the collector', () => {
  assert.equal(settingsTable.find(({ name }) => name === 'COLLECTOR_RETENTION_DAYS')?.standard, RETENTION_DAYS)
})
