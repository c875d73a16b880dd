import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidSettingsError, readSettings } from '../../src/collector/settings.js'
import { KEY } from './start-collector.js'

test('without anything but the key the defaults stand', () => {
  const settings = readSettings({ COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_REPORT_TOKEN: '' })
  assert.deepEqual(settings, {
    ipHashKey: KEY,
    databaseUrl: 'sqlite:var/collector.db',
    host: '127.0.0.1',
    port: 8080,
    retentionDays: 365,
    rateLimit: 60,
    requestTimeout: 10,
    logLevel: 'info'
  })
})

test('numbers are read from text', () => {
  const settings = readSettings({ COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_PORT: '0', COLLECTOR_RETENTION_DAYS: ' 30 ' })
  assert.equal(settings.port, 0)
  assert.equal(settings.retentionDays, 30)
})

const refused: Array<[string, NodeJS.ProcessEnv, RegExp]> = [
  ['no key', {}, /^COLLECTOR_IP_HASH_KEY must be a secret of at least 32 bytes, and is not set\. Make one with: openssl/],
  ['a short key', { COLLECTOR_IP_HASH_KEY: 'x'.repeat(31) }, /^COLLECTOR_IP_HASH_KEY .* has 31/],
  ['a port that is none', { COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_PORT: 'http' }, /^COLLECTOR_PORT must be integer/],
  ['a database of another kind', { COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_DATABASE_URL: 'mysql://x' }, /^COLLECTOR_DATABASE_URL /],
  ['a proxy that is no address', { COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_TRUST_PROXY: 'loopback, nginx' }, /^COLLECTOR_TRUST_PROXY names "nginx"/],
  ['a token that can be guessed', { COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_REPORT_TOKEN: 'secret' }, /^COLLECTOR_REPORT_TOKEN /],
  ['a log level that is none', { COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_LOG_LEVEL: 'loud' }, /^COLLECTOR_LOG_LEVEL /]
]
for (const [what, environment, message] of refused) {
  test(`${what} is refused in one line that names the variable`, () => {
    assert.throws(() => readSettings(environment), (error: Error) => {
      assert.ok(error instanceof InvalidSettingsError)
      assert.match(error.message, message)
      assert.doesNotMatch(error.message, /\n/)
      return true
    })
  })
}

test('proxies are addresses, networks, their names, or a number', () => {
  for (const trustProxy of ['1', '10.0.0.0/8', '10.1.2.3, fd00::/8', 'loopback,uniquelocal']) {
    assert.equal(readSettings({ COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_TRUST_PROXY: trustProxy }).trustProxy, trustProxy)
  }
})
