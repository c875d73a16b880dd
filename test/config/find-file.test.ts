import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { loadConfig } from '../../src/config/index.js'
import { temporaryDirectory } from '../helpers/platform.js'

const NO = 'telemetry: { enabled: false }\n'

describe('the configuration of a platform with FLOWFORGE_HOME', () => {
  test('is etc/flowforge.local.yml alone if that exists', (t) => {
    const home = temporaryDirectory(t)
    mkdirSync(join(home, 'etc'))
    writeFileSync(join(home, 'etc', 'flowforge.yml'), 'port: 1\n')
    assert.equal(loadConfig(undefined, { FLOWFORGE_HOME: home }).port, 1)
    writeFileSync(join(home, 'etc', 'flowforge.local.yml'), NO)
    const { configFile, port, telemetry } = loadConfig(undefined, { FLOWFORGE_HOME: home })
    assert.deepEqual([configFile, port, telemetry], [join(home, 'etc', 'flowforge.local.yml'), 3000, { enabled: false }])
  })

  const faults: [title: string, prepare: (etc: string) => void, expected: RegExp][] = [
    ['there is no file', () => {}, /etc\/flowforge\.yml was not found\. No other place is looked at/],
    ['a link is dangling', (etc) => { symlinkSync('nowhere', join(etc, 'flowforge.yml')) }, /flowforge\.yml cannot be read: .*ENOENT/],
    ['a local link is dangling', (etc) => {
      writeFileSync(join(etc, 'flowforge.yml'), 'port: 1\n')
      symlinkSync('nowhere', join(etc, 'flowforge.local.yml'))
    }, /flowforge\.local\.yml cannot be read: .*ENOENT/],
    ['a directory has its name', (etc) => { mkdirSync(join(etc, 'flowforge.yml')) }, /flowforge\.yml cannot be read: it is not a file/],
    ['its name ends in .yaml', (etc) => { writeFileSync(join(etc, 'flowforge.yaml'), NO) }, /flowforge\.yaml is not read: .*end in \.yml/],
    ['a file with the ending .yaml is next to it', (etc) => {
      writeFileSync(join(etc, 'flowforge.yml'), 'port: 1\n')
      writeFileSync(join(etc, 'flowforge.yaml'), NO)
    }, /flowforge\.yaml is not read/],
    ['it is a circular link', (etc) => { symlinkSync('flowforge.yml', join(etc, 'flowforge.yml')) }, /cannot be read: .*ELOOP/]
  ]
  for (const [title, prepare, expected] of faults) {
    test(`is never taken from another place: ${title}`, (t) => {
      const home = temporaryDirectory(t)
      mkdirSync(join(home, 'etc'))
      prepare(join(home, 'etc'))
      // The working directory has a flowforge.yml, too.
      assert.throws(() => loadConfig(undefined, { FLOWFORGE_HOME: home }), { code: 'invalid_config', message: expected })
    })
  }

  test('is the file that --config names, whatever files exist elsewhere', (t) => {
    const home = temporaryDirectory(t)
    const file = join(home, 'other.conf')
    assert.throws(() => loadConfig(file, { FLOWFORGE_HOME: home }), { code: 'invalid_config', message: /other\.conf cannot be read/ })
    writeFileSync(file, 'port: 7\n')
    assert.equal(loadConfig(file, { FLOWFORGE_HOME: home }).port, 7)
  })
})
