import assert from 'node:assert/strict'
import { test } from 'node:test'
import { invalidRequest } from '../../../src/collector/http/errors.js'

test('the error of an invalid ping names the property and has no stack, and other errors keep theirs', () => {
  const error = invalidRequest({ instancePath: '/platform/counts/users', message: 'must be integer' })
  assert.equal(error.message, 'platform.counts.users must be integer')
  assert.equal(error.stack, `Error: ${error.message}`)
  assert.match(new Error('other').stack!, /\n +at /)
  assert.equal(invalidRequest({ instancePath: '', message: 'must be object' }).message, 'the ping must be object')
})
