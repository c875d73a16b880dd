import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'

test('npm run demo shows a ping on its whole way, from the platform to the row that the collector keeps', async () => {
  const { stdout } = await promisify(execFile)('npm', ['run', 'demo'])
  const [, sent] = stdout.match(/^({"instanceId":.*})$/m) ?? []
  const { instanceId } = JSON.parse(sent!) as { instanceId: string }
  assert.match(stdout, new RegExp(`"instance_id": "${instanceId}"`))
})
