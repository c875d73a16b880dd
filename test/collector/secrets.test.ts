import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { searchCollector, type CollectorFault } from '../helpers/collector-secrets.js'
import { START_FAILURES, searchStartFailure, searchWrongSettings } from '../helpers/start-failures.js'
import { describeOnBoth } from './both-databases.js'

/** One fault of each kind; the soak test has all. */
const FAULTS: [title: string, fault: CollectorFault][] = [
  ['that works', async () => {}],
  ['without pings', (db) => db.query('ALTER TABLE pings RENAME TO gone')],
  ['without salts', (db) => db.query('ALTER TABLE salts RENAME TO gone')]
]

describeOnBoth('no secret is in the log or the answers of a collector', (create) => {
  for (const [title, fault] of FAULTS) test(title, async (t) => searchCollector(t, await create(t), fault))
})

describe('no secret is in the output of a collector that cannot start,', { concurrency: true }, () => {
  // The soak test starts a process for each of them.
  for (const failure of START_FAILURES) {
    test(failure.title, async (t) => {
      assert.equal(failure.code === 78 ? searchWrongSettings(failure) : await searchStartFailure(t, failure), failure.code)
    })
  }
})
