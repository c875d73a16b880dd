import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compareReceipt } from '../../src/admin/compare-receipt.js'

const BODY = '{"instanceId":"a","os":{"type":"Linux"},"platform":{"counts":{"users":2,"teams":0}}}'

describe('comparing a ping with its receipt', () => {
  test('marks what was kept, changed, dropped and added', () => {
    const received = { receivedAt: 'now', instanceId: 'a', os: { type: null }, platform: { counts: { users: 3 } } }
    assert.deepEqual(compareReceipt(BODY, JSON.stringify({ status: 'success', received })), [
      { path: 'instanceId', sent: '"a"', kept: '"a"', mark: 'kept' },
      { path: 'os.type', sent: '"Linux"', kept: 'null', mark: 'dropped' },
      { path: 'platform.counts.users', sent: '2', kept: '3', mark: 'changed' },
      { path: 'platform.counts.teams', sent: '0', kept: undefined, mark: 'dropped' },
      { path: 'receivedAt', sent: undefined, kept: '"now"', mark: 'added' }
    ])
  })

  test('says nothing about an answer that it does not know', () => {
    for (const receipt of [null, '', 'OK', '<html>', '7', 'null', '[]', '{"status":"success"}', '{"received":true}', '{"received":null}']) {
      assert.equal(compareReceipt(BODY, receipt), undefined, String(receipt))
    }
  })
})
