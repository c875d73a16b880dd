import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { makePrivateDatabase } from '../../src/database/private-files.js'
import { setUp } from '../helpers/client.js'
import { leaveOpen, modesIn, setUmask } from '../helpers/modes.js'
import { buildPlatform, temporaryDirectory } from '../helpers/platform.js'

const telemetry = { url: 'http://127.0.0.1:9' }

const PRIVATE = { '.': '700', 'flowforge.db': '600', 'flowforge.db-shm': '600', 'flowforge.db-wal': '600' }

describe('the data of the platform is accessible only to its user', () => {
  for (const mask of [0o000, 0o022, 0o077]) {
    test(`under umask ${mask.toString(8)}`, async (t) => {
      setUmask(t, mask)
      const { app, home } = await buildPlatform(t, { telemetry, initialised: false })
      await setUp(app)
      assert.deepEqual(modesIn(join(home, 'var')), PRIVATE)
    })

    test(`under umask ${mask.toString(8)}, in a directory and a file that db.storage names`, async (t) => {
      setUmask(t, mask)
      const directory = join(temporaryDirectory(t), 'data')
      await buildPlatform(t, { telemetry, config: { db: { storage: join(directory, 'flowforge.db') } } })
      assert.deepEqual(modesIn(directory), PRIVATE)
    })
  }

  test('also if an earlier release left it readable for everybody', async (t) => {
    const { app, home } = await buildPlatform(t, { telemetry })
    for (const name of readdirSync(join(home, 'var'))) chmodSync(join(home, 'var', name), 0o666)
    chmodSync(join(home, 'var'), 0o777)
    await buildPlatform(t, { telemetry, home })
    assert.deepEqual(modesIn(join(home, 'var')), PRIVATE)
    assert.equal((await app.inject('/health')).statusCode, 200)
  })

  for (const mask of [0o000, 0o022, 0o077]) {
    test(`also with the journal of an earlier release, under umask ${mask.toString(8)}`, async (t) => {
      setUmask(t, mask)
      const home = temporaryDirectory(t)
      await leaveOpen(join(home, 'var', 'flowforge.db'), join(home, 'var'))
      const { app } = await buildPlatform(t, { telemetry, home, initialised: false })
      await setUp(app)
      const { '.': directory, ...modes } = modesIn(join(home, 'var'))
      assert.equal(directory, '700')
      assert.ok(Object.keys(modes).length >= 3)
      assert.deepEqual(new Set(Object.values(modes)), new Set(['600']))
    })
  }

  test('before any file is opened', async (t) => {
    const directory = temporaryDirectory(t)
    const file = join(directory, 'old.db')
    await leaveOpen(file, directory)
    makePrivateDatabase(file)
    const ofOwner = Object.fromEntries(['', '-journal', '-shm', '-wal'].map((end) => [`old.db${end}`, '600']))
    assert.deepEqual(modesIn(directory), { '.': '755', ...ofOwner })
  })

  test('and a directory that db.storage names stays unchanged', async (t) => {
    const directory = temporaryDirectory(t)
    chmodSync(directory, 0o755)
    mkdirSync(join(directory, 'other'), { mode: 0o755 })
    await buildPlatform(t, { telemetry, config: { db: { storage: join(directory, 'flowforge.db') } } })
    assert.deepEqual(modesIn(directory), { ...PRIVATE, '.': '755', other: '755' })
  })
})
