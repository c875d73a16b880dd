import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { ConfigError, loadConfig } from '../../src/config/index.js'
import { temporaryDirectory } from '../helpers/platform.js'

function write (t: TestContext, yaml: string): string {
  const file = join(temporaryDirectory(t), 'flowforge.yml')
  writeFileSync(file, yaml)
  return file
}

describe('flowforge.yml', () => {
  test('of this repository holds the defaults', () => {
    const { host, port, db, driver, logging } = loadConfig('flowforge.yml', {})
    assert.deepEqual({ host, port, driver, logging }, {
      host: 'localhost', port: 3000, driver: { type: 'localfs' }, logging: { level: 'info' }
    })
    assert.equal(db.type, 'sqlite')
  })

  test('may be empty', (t) => {
    assert.deepEqual(loadConfig(write(t, '# nothing'), {}).db, loadConfig('flowforge.yml', {}).db)
  })

  test('may hold sections of other releases, and empty ones', (t) => {
    const config = loadConfig(write(t, 'broker: { url: "mqtt://x" }\nport: 4000\ndb:\n'), {})
    assert.equal(config.port, 4000)
    assert.equal(config.db.storage, 'flowforge.db')
    assert.ok(!('broker' in config))
  })

  test('becomes one frozen object', (t) => {
    const config = loadConfig(write(t, 'telemetry: { enabled: true }'), {})
    assert.throws(() => { (config as { port: number }).port = 1 }, TypeError)
    assert.throws(() => { (config.db as { type: string }).type = 'postgres' }, TypeError)
    assert.throws(() => { (config.telemetry as { enabled: boolean }).enabled = false }, TypeError)
  })

  test('is found at --config, else below FLOWFORGE_HOME, else here', (t) => {
    const home = temporaryDirectory(t)
    assert.equal(loadConfig(undefined, {}).port, 3000)
    mkdirSync(join(home, 'etc'))
    writeFileSync(join(home, 'etc', 'flowforge.yml'), 'port: 4001')
    assert.equal(loadConfig(undefined, { FLOWFORGE_HOME: home }).port, 4001)
    assert.equal(loadConfig(write(t, 'port: 4002'), { FLOWFORGE_HOME: home }).port, 4002)
    assert.equal(loadConfig(undefined, { FLOWFORGE_HOME: home }).dataDirectory, join(home, 'var'))
  })

  test('yields its port to the environment', (t) => {
    assert.equal(loadConfig(write(t, 'port: 4000'), { PORT: '5000' }).port, 5000)
  })

  for (const storage of [':memory:', ':MEMORY:', 'file:x?mode=memory', '', ' ', 'data/', 'a\0b']) {
    test(`names a file for the data, not ${JSON.stringify(storage)}`, (t) => {
      const yaml = `db: { storage: ${JSON.stringify(storage)} }`
      assert.throws(() => loadConfig(write(t, yaml), {}), /line 1: db\.storage: expected the name of a file, such as flowforge\.db/)
    })
  }

  const mistakes: [what: string, yaml: string, message: RegExp][] = [
    ['a port that is text', 'host: x\nport: abc', /line 2: port: expected a whole number from 0 to 65535, found 'abc'$/],
    ['a port that is too high', 'port: 65536', /line 1: port: expected a whole number from 0 to 65535, found 65536$/],
    ['an empty port', 'port:\ndb:\n  port:', /line 3: db.port: expected a whole number from 1 to 65535, found null$/],
    ['an unknown database', 'db:\n  type: mysql', /line 2: db.type: expected sqlite or postgres, found 'mysql'$/],
    ['a yes for a boolean', 'db:\n\n  ssl: yes', /line 3: db.ssl: expected true or false, found 'yes'$/],
    ['a section that is text', 'db: sqlite', /line 1: db: expected a section of keys, found 'sqlite'$/],
    ['a password that is a number, without repeating it', 'db:\n  password: 4711', /line 2: db.password: expected text, found a number$/],
    ['an unknown level', 'logging: { level: loud }', /line 1: logging.level: expected fatal, error, .* or trace, found 'loud'$/],
    ['an address that is no URL', 'base_url: example', /line 1: base_url: expected an http or https URL, found 'example'$/],
    ['a URL for the database, without repeating it', 'db: postgres://ada:canary@host/db', /line 1: db: expected a section of keys, found a string$/],
    ['a URL for a host, without repeating it', 'db: { host: "postgres://ada:canary@host", port: x }', /found 'x'$/],
    ['a URL for a port, without repeating it', 'db: { port: "ada:canary@host" }', /db.port: expected .*, found a string$/],
    ['a section for a type, without repeating it', 'db: { type: { password: canary } }', /db.type: expected .*, found an object$/],
    ['a base_url with a password', 'base_url: https://ada:canary@example.com', /base_url: expected an http or https URL without a username and a password$/],
    ['a broken base_url with a password', 'base_url: "ada:canary@example.com"', /base_url: expected an http or https URL, found a string$/],
    ['a base_url with a path', 'base_url: https://example.com/flowforge/', /base_url: expected a URL without a path, such as /],
    ['a base_url with a query', 'base_url: https://example.com/?a=b', /base_url: expected a URL without a path, such as /],
    ['a number of hops', 'trust_proxy: 1', /trust_proxy: expected a list of IP addresses or networks, .*, found 1$/],
    ['a proxy that is a name', 'trust_proxy: [127.0.0.1, proxy]', /trust_proxy: expected a list of IP .*, found 'proxy'$/],
    ['all the world as a proxy', 'trust_proxy: [0.0.0.0/0]', /trust_proxy: expected a list of IP .*$/],
    ['200,000 keys', Array.from({ length: 200_000 }, (_, n) => `key${n}: 1`).join('\n'), /cannot be read: it has \d+ bytes, and at most 65536 are allowed$/],
    ['a key that is there twice', 'port: 1\nport: 2', /line 2: Map keys must be unique$/],
    ['broken YAML', 'port: 1\ndb: {', /line 2: /],
    ['an alias of nothing', 'db: *nothing', /line 1: db cannot be read: /],
    ['a file that is a list', '- port', /expected keys with values, such as "port: 3000", found a list$/]
  ]
  for (const [what, yaml, message] of mistakes) {
    test(`with ${what} stops the start with one line`, (t) => {
      assert.throws(() => loadConfig(write(t, yaml), {}), (error: Error) => {
        assert.ok(error instanceof ConfigError)
        assert.match(error.message, message)
        assert.ok(!error.message.includes('\n'))
        assert.doesNotMatch(error.message, /canary/)
        return true
      })
    })
  }

  test('that is not there stops the start: it may have held a no', () => {
    assert.throws(() => loadConfig('/nowhere/flowforge.yml', {}), ConfigError)
  })

  test('is not helped by a PORT that is no port', (t) => {
    assert.throws(() => loadConfig(write(t, ''), { PORT: '80a' }), /environment variable PORT: expected a whole number/)
  })
})
