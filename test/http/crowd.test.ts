import { test } from 'node:test'
import { meetCrowd } from '../helpers/crowd.js'

test('300 unfinished requests, 100 idle connections and 30 logins at once do not delay other requests', async (t) => {
  await meetCrowd(t, { half: 300, idle: 100, logins: 30 })
})
