import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fullFile, readOnlyFile } from '../helpers/database-faults.js'
import { letClockRun, meetFault } from '../helpers/meet-fault.js'
import { temporaryDirectory } from '../helpers/platform.js'

letClockRun()

describe('a SQLite file', () => {
  for (const hasTables of [true, false]) {
    const when = hasTables ? '' : ' before telemetry creates its tables'
    for (const [title, createFault] of [['that is full', fullFile], ['that is read-only', readOnlyFile]] as const) {
      test(`${title}${when} drops the ping, the platform keeps running, and later pings are sent`, async (t) => {
        const address = { type: 'sqlite', storage: join(temporaryDirectory(t), 'flowforge.db') } as const
        await meetFault(t, address, createFault(t, hasTables), { hasTables })
      })
    }
  }
})
