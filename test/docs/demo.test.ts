import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { preload, runProgram } from '../helpers/program.js'
import { inSoak, isSoak } from '../helpers/soak.js'

/** Sends the boot ping after half a second instead of thirty. */
const HURRY = { CLOCK_SPEED: '60' }

/** What `npm run demo` runs, compiled: compiling it and all of src anew takes longer than the rest. */
const [tool, script] = (JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { demo: string } }).scripts.demo.split(' ')

test('npm run demo shows a ping from the platform to the row stored by the collector', async () => {
  assert.equal(tool, 'tsx')
  const env = { ...process.env, ...HURRY }
  const [clock] = preload('test/helpers/clock.ts').slice(-1)
  const { stdout } = isSoak
    ? await promisify(execFile)('npm', ['run', 'demo'], { env: { ...env, NODE_OPTIONS: `--import ${clock}` } })
    : await promisify(execFile)(process.execPath, runProgram(script!, ['test/helpers/clock.ts']), { env })
  const [, sent] = stdout.match(/^({"instanceId":.*})$/m) ?? []
  const { instanceId } = JSON.parse(sent!) as { instanceId: string }
  assert.match(stdout, new RegExp(`"instance_id": "${instanceId}"`))
})

test('npm run demo -- --report shows the usage report of a year of pings', async (t) => {
  const args = [...runProgram(script!), '--report', '--installations', '50', '--days', inSoak('365', '40')]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true })
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
