import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { stringify } from 'yaml'
import { buildPlatform, temporaryDirectory } from '../helpers/platform.js'
import { prepareHome } from '../helpers/process.js'
import { runCommand, runCommandProcess } from './run-command.js'

const url = 'http://127.0.0.1:1/'

describe('flowforge telemetry preview', () => {
  test('prints only the exact bytes, also while telemetry is off', async (t) => {
    const { app, home } = await buildPlatform(t, { telemetry: { url, enabled: false } })
    await app.db.models.Team.create({ name: 'one' })
    assert.deepEqual(await runCommandProcess(home, 'telemetry preview'), { code: 0, stdout: await app.telemetry.preview(), stderr: '' })
  })

  test('requires that the platform was started once', async (t) => {
    const home = temporaryDirectory(t)
    writeFileSync(join(home, 'flowforge.yml'), stringify({ telemetry: { url } }))
    const { code, stdout, stderr } = await runCommand(home, 'telemetry preview')
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' })
    assert.match(stderr, /has to be started once before this works: flowforge start\n$/)
  })

  test('names what is missing for a ping', async (t) => {
    const { app, home } = await buildPlatform(t, { telemetry: { url } })
    await app.settings.set('instanceId', 'not-a-uuid')
    assert.deepEqual(await runCommand(home, 'telemetry preview'), {
      code: 3, stdout: '', stderr: 'Telemetry is off: the platform it is embedded in lacks the setting instanceId, a random UUID.\n'
    })
  })

  test('creates no tables; the first ping does', async (t) => {
    const home = await prepareHome(t, { telemetry: { url } })
    for (const command of ['preview', 'log']) assert.equal((await runCommand(home, `telemetry ${command}`)).code, 0)
    const { app } = await buildPlatform(t, { telemetry: { url }, home })
    assert.ok(!(await app.db.sequelize.getQueryInterface().showAllTables()).includes('TelemetryPings'))
  })
})
