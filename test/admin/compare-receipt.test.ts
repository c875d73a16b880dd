import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compareReceipt } from '../../src/admin/compare-receipt.js'

const BODY = '{"instanceId":"a","os":{"type":"Linux"},"platform":{"counts":{"users":2,"teams":0}}}'

describe('comparing a ping with its receipt', () => {
  test('marks kept, changed, dropped and added properties', () => {
    const received = { receivedAt: 'now', instanceId: 'a', os: { type: null }, platform: { counts: { users: 3 } } }
    assert.deepEqual(compareReceipt(BODY, JSON.stringify({ status: 'success', received }))?.properties, [
      { path: 'instanceId', sent: '"a"', kept: '"a"', mark: 'kept' },
      { path: 'os.type', sent: '"Linux"', kept: 'null', mark: 'dropped' },
      { path: 'platform.counts.users', sent: '2', kept: '3', mark: 'changed' },
      { path: 'platform.counts.teams', sent: '0', kept: undefined, mark: 'dropped' },
      { path: 'receivedAt', kept: '"now"', mark: 'added' }
    ])
  })

  test('finds every property of the ping among any number of others', () => {
    const junk = Object.fromEntries(Array.from({ length: 7_000 }, (_, index) => [`a${index}`, index]))
    const received = { ...junk, ...JSON.parse(BODY) }
    const { properties, isCut } = compareReceipt(BODY, JSON.stringify({ received }))!
    assert.deepEqual(properties.slice(0, 4).map(({ mark }) => mark), ['kept', 'kept', 'kept', 'kept'])
    assert.deepEqual([properties.length, isCut], [100, true])
  })

  test('compares an answer down to eight levels, and names deeper properties', () => {
    const nest = (levels: number) => JSON.stringify({ received: JSON.parse('{"a":'.repeat(levels) + '1' + '}'.repeat(levels)) })
    assert.deepEqual(compareReceipt('{}', nest(8)), {
      properties: [{ path: 'a.a.a.a.a.a.a.a', kept: '1', mark: 'added' }], isCut: false
    })
    for (const [open, close, shown] of [['{"a":', '}', '{…}'], ['[', ']', '[…]']] as const) {
      const { properties, isCut } = compareReceipt('{}', `{"received":${open.repeat(9_000)}1${close.repeat(9_000)}}`)!
      assert.deepEqual([properties.map(({ kept }) => kept), isCut], [[shown], true])
    }
  })

  test('truncates long names and values, and ignores properties that every object inherits', () => {
    const receipt = JSON.stringify({ received: { ['k'.repeat(900)]: 'v'.repeat(900) } })
    const [property] = compareReceipt('{}', receipt)!.properties
    assert.deepEqual([property!.path.length, property!.kept!.length], [201, 201])
    assert.equal(compareReceipt('{"constructor":1}', '{"received":{}}')!.properties[0]!.mark, 'dropped')
  })

  test('returns nothing for an unknown answer', () => {
    for (const receipt of [null, '', 'OK', '<html>', '7', 'null', '[]', '{"status":"success"}', '{"received":true}', '{"received":null}']) {
      assert.equal(compareReceipt(BODY, receipt), undefined, String(receipt))
    }
  })
})
