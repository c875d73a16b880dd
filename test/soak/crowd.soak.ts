import { test } from 'node:test'
import { meetCrowd } from '../helpers/crowd.js'

test('3,000 half requests, 1,000 idle connections and 300 logins at once keep nobody else waiting, and all are closed within a minute', async (t) => {
  const allClosed = await meetCrowd(t, { half: 3_000, idle: 1_000, logins: 300 })
  await allClosed()
})
