import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { ConfigError, loadConfig } from '../../src/config/index.js'
import { doubt } from '../../src/telemetry/config.js'
import { loadTelemetryConfig } from '../../src/telemetry/config-file.js'
import { temporaryDirectory } from '../helpers/platform.js'
import { without } from '../helpers/tools.js'

function write (t: TestContext, yaml: string): string {
  const file = join(temporaryDirectory(t), 'flowforge.yml')
  writeFileSync(file, yaml)
  return file
}

/** A few hundred bytes of YAML that expand to nine to the power of nine values. */
function bomb (): string {
  const anchors = 'abcdefghi'
  return [...anchors].map((name, n) => `${name}: &${name} [${Array(9).fill(n === 0 ? 'x' : `*${anchors[n - 1]}`)}]`).join('\n')
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

  test('may contain sections of other releases, and empty sections', (t) => {
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

  test('is found at --config, else in FLOWFORGE_HOME, else in the working directory', (t) => {
    const home = temporaryDirectory(t)
    assert.equal(loadConfig(undefined, {}).port, 3000)
    mkdirSync(join(home, 'etc'))
    writeFileSync(join(home, 'etc', 'flowforge.yml'), 'port: 4001')
    assert.equal(loadConfig(undefined, { FLOWFORGE_HOME: home }).port, 4001)
    assert.equal(loadConfig(write(t, 'port: 4002'), { FLOWFORGE_HOME: home }).port, 4002)
    assert.equal(loadConfig(undefined, { FLOWFORGE_HOME: home }).dataDirectory, join(home, 'var'))
  })

  test('has its port overridden by the environment', (t) => {
    assert.equal(loadConfig(write(t, 'port: 4000'), { PORT: '5000' }).port, 5000)
  })

  for (const storage of [':memory:', ':MEMORY:', 'file:x?mode=memory', '', ' ', 'data/', 'a\0b']) {
    test(`must name a file for the data, not ${JSON.stringify(storage)}`, (t) => {
      const yaml = `db: { storage: ${JSON.stringify(storage)} }`
      assert.throws(() => loadConfig(write(t, yaml), {}), /line 1: db\.storage: expected the name of a file, such as flowforge\.db/)
    })
  }

  const mistakes: [what: string, yaml: string, message: RegExp][] = [
    ['a port that is text', 'host: x\nport: abc', /line 2: port: expected a whole number from 0 to 65535, found a text$/],
    ['a port that is too high', 'port: 65536', /line 1: port: expected a whole number from 0 to 65535, found 65536$/],
    ['an empty port', 'port:\ndb:\n  port:', /line 3: db.port: expected a whole number from 1 to 65535, found null$/],
    ['an unknown database', 'db:\n  type: mysql', /line 2: db.type: expected sqlite or postgres, found a text$/],
    ['a yes for a boolean', 'db:\n\n  ssl: yes', /line 3: db.ssl: expected true or false, found 'yes'$/],
    ['a section that is text', 'db: sqlite', /line 1: db: expected a section of keys, found a text$/],
    ['a password that is a number, without repeating it', 'db:\n  password: 4711', /line 2: db.password: expected text, found a number$/],
    ['an unknown level', 'logging: { level: loud }', /line 1: logging.level: expected fatal, error, .* or trace, found a text$/],
    ['an address that is not a URL', 'base_url: example', /line 1: base_url: expected an http or https URL, found a text$/],
    ['a URL for the database, without repeating it', 'db: postgres://ada:canary@host/db', /line 1: db: expected a section of keys, found a text$/],
    ['a URL for a host, without repeating it', 'db: { host: "postgres://ada:canary@host", port: x }', /db.port: expected .*, found a text$/],
    ['a URL for a host, without repeating it', 'db: { host: "postgres://ada:canary@host" }', /line 1: db.host: expected a host name or an address, not a URL$/],
    ['a URL to listen on, without repeating it', 'host: "http://ada:canary@host"', /line 1: host: expected a host name or an address, not a URL$/],
    ['a URL for a port, without repeating it', 'db: { port: "ada:canary@host" }', /db.port: expected .*, found a text$/],
    ['a section for a type, without repeating it', 'db: { type: { password: canary } }', /db.type: expected .*, found a section$/],
    ['a base_url with a password', 'base_url: https://ada:canary@example.com', /base_url: expected an http or https URL without a username and a password$/],
    ['a broken base_url with a password', 'base_url: "ada:canary@example.com"', /base_url: expected an http or https URL, found a text$/],
    ['a base_url with a path', 'base_url: https://example.com/flowforge/', /base_url: expected a URL without a path, such as /],
    ['a base_url with a query', 'base_url: https://example.com/?a=b', /base_url: expected a URL without a path, such as /],
    ['a number of hops', 'trust_proxy: 1', /trust_proxy: expected a list of IP addresses or networks, .*, found a number$/],
    ['a proxy that is a name', 'trust_proxy: [127.0.0.1, proxy]', /trust_proxy: expected a list of IP .*; entry 2 is none$/],
    ['every address as a proxy', 'trust_proxy: [0.0.0.0/0]', /trust_proxy: expected a list of IP .*; entry 1 is none$/],
    ['200,000 keys', Array.from({ length: 200_000 }, (_, n) => `key${n}: 1`).join('\n'), /cannot be read: it has more than 64 KiB$/],
    ['a duplicate key', 'port: 1\nport: 2', /line 2: a key is there twice; remove one$/],
    ['a duplicate key in a section', 'db:\n  port: 1\n  port: 2', /line 3: a key is there twice; remove one$/],
    ['a number for a password in the wrong place', 'host: 4711', /line 1: host: expected text, found a number$/],
    ['lists in lists', `a: ${'['.repeat(30_000)}`, /line 1: (it is nested too deeply|it is not valid YAML|.* is missing)$/],
    ['aliases of aliases', bomb(), /cannot be read: an alias .* too many of them$/],
    ['a tag', 'db: !canary x', /line 1: a tag \(!\) is not known$/],
    ['a tag of a handle', 'db: !can!canary x', /line 1: a tag \(!\) is not known$/],
    ['a word after a text', 'port: "1" canary', /line 1: /],
    ['a word after a |', 'port: | canary', /line 1: /],
    ['a directive', '%canary x\n---\nport: 1', /line 1: /],
    ['an escape', 'port: "\\canary"', /line 1: a backslash /],
    ['an alias of a secret', 'db: *canary', /line 1: cannot be read: /],
    ['a secret without a key', 'port: 1\ncanary', /line 2: /],
    ['broken YAML', 'port: 1\ndb: {', /line 2: /],
    ['an alias without an anchor', 'db: *nothing', /line 1: cannot be read: an alias .* names nothing, or /],
    ['a file that is a list', '- port', /expected keys with values, such as "port: 3000", found a list$/]
  ]
  for (const [what, yaml, message] of mistakes) {
    test(`with ${what} prevents the start with a one-line error`, (t) => {
      assert.throws(() => loadConfig(write(t, yaml), {}), (error: Error) => {
        assert.ok(error instanceof ConfigError)
        assert.match(error.message, message)
        assert.ok(!error.message.includes('\n'))
        assert.doesNotMatch(error.message, /canary/)
        return true
      })
    })
  }

  for (const [what, create] of [
    ['a directory', (path) => { mkdirSync(path) }],
    ['a named pipe without a writer', (path) => { execFileSync('mkfifo', [path]) }],
    ['an endless device', (path) => { symlinkSync('/dev/zero', path) }],
    ['a file of 100 MB', (path) => {
      writeFileSync(path, '')
      truncateSync(path, 100e6)
    }]
  ] as [string, (path: string) => void][]) {
    const skip = what.includes('pipe') && without('mkfifo')
    test(`that is ${what} prevents the start with a one-line error, and opts out`, { skip }, async (t) => {
      const file = join(temporaryDirectory(t), 'flowforge.yml')
      create(file)
      const reason = what.startsWith('a file') ? 'it has more than 64 KiB' : 'it is not a file'
      assert.throws(() => loadConfig(file, {}), { message: `${file} cannot be read: ${reason}`, code: 'invalid_config' })
      assert.deepEqual(await loadTelemetryConfig({ configFile: file }), doubt(`${file} cannot be read (${reason})`))
    })
  }

  test('that is missing prevents the start, as it may have contained an opt-out', () => {
    assert.throws(() => loadConfig('/nowhere/flowforge.yml', {}), ConfigError)
  })

  test('does not replace an invalid PORT', (t) => {
    assert.throws(() => loadConfig(write(t, ''), { PORT: '80a' }), /environment variable PORT: expected a whole number from 0 to 65535$/)
  })
})
