import { test } from 'node:test'
import { meetCrowd } from '../helpers/crowd.js'

const TITLE = '3,000 unfinished requests, 1,000 idle connections and 300 logins at once ' +
  'do not delay other requests, and all are closed within a minute'

test(TITLE, async (t) => {
  const allClosed = await meetCrowd(t, { half: 3_000, idle: 1_000, logins: 300 })
  await allClosed()
})
