import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { stringify } from 'yaml'
import { buildPlatform, temporaryDirectory } from '../helpers/platform.js'
import { freePort } from '../helpers/postgres.js'
import { prepareHome } from '../helpers/process.js'
import { runCommand } from './run-command.js'

const url = 'http://127.0.0.1:1/'

describe('flowforge telemetry status', () => {
  test('shows that telemetry is on, and exits with 0', async (t) => {
    const home = await prepareHome(t, { telemetry: { url } })
    assert.deepEqual(await runCommand(home, 'telemetry status'), {
      code: 0,
      stdout: 'Telemetry is on: the platform\'s settings allow it, and neither flowforge.yml nor the environment turns it off.\n' +
        `Pings are posted to ${url}.\n`,
      stderr: ''
    })
  })

  test('shows that it is off, with file and line of the refusal, and exits with 3', async (t) => {
    const home = await prepareHome(t, { telemetry: { url, enabled: 'no' } })
    const { code, stdout } = await runCommand(home, 'telemetry status')
    assert.equal(code, 3)
    assert.match(stdout, /^Telemetry is off: .*flowforge\.yml, line \d+, sets telemetry\.enabled to 'no', which is neither/)
  })

  for (const [where, section] of [
    ['is not a URL', { url: 'telemetry.example.org' }], ['may be mistyped', { adress: 'https://telemetry.example.org' }],
    ['may be the section itself', 'https://telemetry.example.org'], ['may be in a list', ['https://telemetry.example.org']]
  ] as const) {
    test(`names no receiver where its key ${where}`, async (t) => {
      const home = await prepareHome(t, { telemetry: section as never })
      const status = await runCommand(home, 'telemetry status')
      assert.equal(status.code, 3)
      assert.match(status.stdout, /\nNo ping is posted\. Where pings would go is not known while flowforge\.yml is unclear\.\n$/)
      assert.equal((JSON.parse((await runCommand(home, 'telemetry status --json')).stdout) as { url: unknown }).url, null)
      assert.match((await runCommand(home, 'telemetry check')).stdout, /\nNobody was contacted\. Where the check would connect to is not known/)
    })
  }

  test('names no receiver where it may be in a mistyped section, which only the text of the file shows', async (t) => {
    const home = temporaryDirectory(t)
    writeFileSync(join(home, 'flowforge.yml'), 'telemtry:\n  url: https://telemetry.example.org\n')
    assert.match((await runCommand(home, 'telemetry status')).stdout, /Where pings would go is not known/)
  })

  test('prints the same as JSON', async (t) => {
    const home = await prepareHome(t, { telemetry: { url } })
    const { code, stdout } = await runCommand(home, 'telemetry status --json', { DO_NOT_TRACK: '1' })
    assert.equal(code, 3)
    assert.deepEqual(JSON.parse(stdout), {
      allowed: false,
      decidedBy: 'environment',
      explanation: 'Telemetry is off: the environment variable DO_NOT_TRACK is set.',
      url,
      newProperties: []
    })
  })

  test('agrees with a running platform as soon as its administrator opts out', async (t) => {
    const { app, home } = await buildPlatform(t, { telemetry: { url } })
    await app.settings.set('telemetry:enabled', false)
    const { code, stdout } = await runCommand(home, 'telemetry status --json')
    assert.equal(code, 3)
    assert.deepEqual(JSON.parse(stdout), { ...await app.telemetry.consent(), url, newProperties: [] })
  })

  test('creates no files where no platform was ever started', async (t) => {
    const home = temporaryDirectory(t)
    writeFileSync(join(home, 'flowforge.yml'), stringify({ telemetry: { url } }))
    assert.equal((await runCommand(home, 'telemetry log')).stdout, 'Nothing has been sent yet.\n')
    const { code, stdout } = await runCommand(home, 'telemetry status')
    assert.equal(code, 3)
    assert.match(stdout, /^Telemetry is off: the setup is not finished/)
    assert.ok(!existsSync(join(home, 'var')))
  })

  test('works without the database if the operator refuses', async (t) => {
    const home = temporaryDirectory(t)
    writeFileSync(join(home, 'flowforge.yml'), stringify({
      db: { type: 'postgres', host: '127.0.0.1', port: await freePort() }, telemetry: { url, enabled: false }
    }))
    assert.equal((await runCommand(home, 'telemetry status')).code, 3)
    const { code, stderr } = await runCommand(home, 'telemetry preview')
    assert.equal(code, 69)
    assert.match(stderr, /^The PostgreSQL at 127\.0\.0\.1:\d+ does not answer \(ECONNREFUSED\)\. Start it, .*\n$/)
  })
})
