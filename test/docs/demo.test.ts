import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { runProgram } from '../helpers/program.js'

/** Sends the boot ping after one second instead of thirty. */
const HURRY = { CLOCK_SPEED: '30', NODE_OPTIONS: '--import ./build/test/helpers/clock.js' }

test('npm run demo shows a ping from the platform to the row stored by the collector', async () => {
  const { stdout } = await promisify(execFile)('npm', ['run', 'demo'], { env: { ...process.env, ...HURRY } })
  const [, sent] = stdout.match(/^({"instanceId":.*})$/m) ?? []
  const { instanceId } = JSON.parse(sent!) as { instanceId: string }
  assert.match(stdout, new RegExp(`"instance_id": "${instanceId}"`))
})

test('npm run demo -- --report shows the usage report of a year of pings', async (t) => {
  const child = spawn(process.execPath, [...runProgram('demo/demo.ts'), '--report', '--installations', '50'], { stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  t.after(() => { if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGKILL') })
  const output: string[] = []
  for await (const line of createInterface(child.stdout)) {
    output.push(line)
    if (/^Ctrl-C/.test(line)) break
  }
  const [, url, token] = output.join('\n').match(/(http:\S+)\/report +any name, and the password (\w+)/)!
  const response = await fetch(`${url}/report.json`, { headers: { authorization: `Bearer ${token}` } })
  assert.equal(response.status, 200)
  const exited = once(child, 'exit')
  process.kill(-child.pid!, 'SIGINT')
  await exited
})
