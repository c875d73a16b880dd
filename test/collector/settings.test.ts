import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidSettingsError, readSettings } from '../../src/collector/settings.js'
import { KEY } from './start-collector.js'

test('with only the key set, all others have their defaults', () => {
  const settings = readSettings({ COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_REPORT_TOKEN: '' })
  assert.deepEqual(settings, {
    ipHashKey: KEY,
    databaseUrl: 'sqlite:var/collector.db',
    host: '127.0.0.1',
    port: 8080,
    retentionDays: 90,
    newPerAddress: 20,
    rateLimit: 60,
    requestTimeout: 10,
    public: false,
    logLevel: 'info'
  })
})

test('numbers are read from text', () => {
  const settings = readSettings({ COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_PORT: '0', COLLECTOR_RETENTION_DAYS: ' 30 ' })
  assert.equal(settings.port, 0)
  assert.equal(settings.retentionDays, 30)
})

/** In addition to a valid key. */
const refused: Array<[string, NodeJS.ProcessEnv, RegExp]> = [
  ['no key', { COLLECTOR_IP_HASH_KEY: undefined }, /^COLLECTOR_IP_HASH_KEY must be a secret of at least 32 bytes, and is not set\. Make one with: openssl/],
  ['a short key', { COLLECTOR_IP_HASH_KEY: 'x'.repeat(31) }, /^COLLECTOR_IP_HASH_KEY .* has 31/],
  ['an invalid port', { COLLECTOR_PORT: 'http' }, /^COLLECTOR_PORT must be integer/],
  ['a database of another kind', { COLLECTOR_DATABASE_URL: 'mysql://x' }, /^COLLECTOR_DATABASE_URL /],
  ['a proxy that is not an address', { COLLECTOR_TRUST_PROXY: 'loopback, nginx' }, /^COLLECTOR_TRUST_PROXY: entry 2 is not an address or network/],
  ['a count of proxies', { COLLECTOR_TRUST_PROXY: '1' }, /^COLLECTOR_TRUST_PROXY: entry 1 is not an address or network/],
  ['an address in another notation', { COLLECTOR_TRUST_PROXY: '10.1' }, /^COLLECTOR_TRUST_PROXY: entry 1 /],
  ['every address as a proxy', { COLLECTOR_TRUST_PROXY: '10.0.0.1,::/0' }, /^COLLECTOR_TRUST_PROXY: entry 2 /],
  ['an invalid URL', { COLLECTOR_DATABASE_URL: 'postgres://u:p/w@h/d' }, /^COLLECTOR_DATABASE_URL cannot be read as a URL\. In a password write/],
  ['a network prefix that is too long', { COLLECTOR_TRUST_PROXY: '10.0.0.0/33' }, /^COLLECTOR_TRUST_PROXY: entry 1 /],
  ['an incomplete name', { COLLECTOR_RETENTION: '10' }, /^COLLECTOR_RETENTION is not a setting\. Did you mean COLLECTOR_RETENTION_DAYS\?$/],
  ['a misspelled name', { COLLECTOR_DATABSE_URL: 'sqlite:x' }, /Did you mean COLLECTOR_DATABASE_URL\?$/],
  ['a name with a missing letter', { COLLECTOR_REPORT_TOKN: 'x' }, /Did you mean COLLECTOR_REPORT_TOKEN\?$/],
  ['an unknown name without a value', { COLLECTOR_RETENTION: '' }, /^COLLECTOR_RETENTION is not a setting/],
  ['a negative number', { COLLECTOR_RETENTION_DAYS: '-1' }, /^COLLECTOR_RETENTION_DAYS must be >= 1/],
  ['zero days', { COLLECTOR_RETENTION_DAYS: '0' }, /^COLLECTOR_RETENTION_DAYS must be >= 1/],
  ['a fraction', { COLLECTOR_RATE_LIMIT: '1.5' }, /^COLLECTOR_RATE_LIMIT must be integer/],
  ['a number in another notation', { COLLECTOR_RETENTION_DAYS: '1e1' }, /^COLLECTOR_RETENTION_DAYS must be integer/],
  ['a number with a unit', { COLLECTOR_RETENTION_DAYS: '90d' }, /^COLLECTOR_RETENTION_DAYS must be integer/],
  ['an unknown name', { COLLECTOR_SMTP_SERVER: 'x' }, /^COLLECTOR_SMTP_SERVER is not a setting\. The settings are COLLECTOR_IP_HASH_KEY, /],
  ['a public page that is neither true nor false', { COLLECTOR_PUBLIC: 'yes' }, /^COLLECTOR_PUBLIC must be boolean/],
  ['a token that can be guessed', { COLLECTOR_REPORT_TOKEN: 'secret' }, /^COLLECTOR_REPORT_TOKEN /],
  ['an invalid log level', { COLLECTOR_LOG_LEVEL: 'loud' }, /^COLLECTOR_LOG_LEVEL /]
]
for (const [what, environment, message] of refused) {
  test(`${what} is refused in one line that names the variable`, () => {
    assert.throws(() => readSettings({ COLLECTOR_IP_HASH_KEY: KEY, ...environment }), (error: Error) => {
      assert.ok(error instanceof InvalidSettingsError)
      assert.match(error.message, message)
      assert.doesNotMatch(error.message, /\n/)
      return true
    })
  })
}

test('proxies are addresses, networks or names of networks', () => {
  for (const trustProxy of ['10.0.0.0/8', '10.1.2.3, fd00::/8', 'loopback,uniquelocal']) {
    assert.equal(readSettings({ COLLECTOR_IP_HASH_KEY: KEY, COLLECTOR_TRUST_PROXY: trustProxy }).trustProxy, trustProxy)
  }
})
