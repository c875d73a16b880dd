import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { leaveOpen, modesIn, setUmask } from '../helpers/modes.js'
import { temporaryDirectory } from '../helpers/platform.js'
import { PING, startCollector } from './start-collector.js'

describe('the data of the collector is accessible only to its user', () => {
  for (const mask of [0o000, 0o022, 0o077]) {
    test(`under umask ${mask.toString(8)}`, async (t) => {
      setUmask(t, mask)
      const directory = join(temporaryDirectory(t), 'var')
      const { post } = await startCollector(t, `sqlite:${join(directory, 'collector.db')}`)
      assert.equal((await post(PING)).status, 200)
      assert.deepEqual(modesIn(directory), {
        '.': '700', 'collector.db': '600', 'collector.db-shm': '600', 'collector.db-wal': '600'
      })
    })
  }

  for (const mask of [0o000, 0o022, 0o077]) {
    test(`also if an earlier release left it readable for everybody, under umask ${mask.toString(8)}`, async (t) => {
      setUmask(t, mask)
      const directory = join(temporaryDirectory(t), 'var')
      const file = join(directory, 'collector.db')
      await leaveOpen(file, directory)
      const { post } = await startCollector(t, `sqlite:${file}`)
      assert.equal((await post(PING)).status, 200)
      const { '.': _directory, ...modes } = modesIn(directory)
      assert.ok(Object.keys(modes).length >= 3)
      assert.deepEqual(new Set(Object.values(modes)), new Set(['600']))
    })
  }
})
