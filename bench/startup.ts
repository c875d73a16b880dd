/**
 * `npm run bench:startup`: what telemetry adds to the start and to the memory of its host: absent, off, on before the
 * first ping, and on after it.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { stringify } from 'yaml'
import { buildApp, loadConfig } from '../src/app.js'
import { median, publish, spread } from './publish.js'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 25)

/** Each way to have telemetry, and its `enabled` in flowforge.yml. */
const WAYS = { absent: false, off: false, on: true, sent: true }

type Way = keyof typeof WAYS

const TITLES: Record<Way, string> = {
  absent: 'the plugin absent',
  off: 'off by flowforge.yml',
  on: 'on, before the first ping',
  sent: 'on, after the first ping'
}

const directory = mkdtempSync(join(tmpdir(), 'flowforge-bench-'))
const listener = createServer((_request, response) => response.end('{"status":"success"}')).listen(0, '127.0.0.1')

async function start (way: Way): Promise<{ ready: number, memory: number }> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--expose-gc', 'bench/startup-platform.js', join(directory, `${way}.yml`), way
  ], { env: { ...process.env, FLOWFORGE_HOME: directory } })
  return JSON.parse(stdout)
}

/** A platform whose setup is finished, and a flowforge.yml for each way. */
async function prepare (): Promise<void> {
  await once(listener, 'listening')
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/`
  for (const [way, enabled] of Object.entries(WAYS)) {
    writeFileSync(join(directory, `${way}.yml`), stringify({ telemetry: { enabled, url } }))
  }
  const app = await buildApp(loadConfig(join(directory, 'off.yml'), { FLOWFORGE_HOME: directory }), false)
  await app.settings.set('setup:initialised', true)
  await app.telemetry.pings()
  await app.close()
}

try {
  await prepare()
  const ways = Object.keys(WAYS) as Way[]
  const figures = Object.fromEntries(ways.map((way) => [way, { ready: [] as number[], memory: [] as number[] }]))
  for (let round = -1; round < ROUNDS; round++) {
    for (const way of ways) {
      const { ready, memory } = await start(way)
      if (round < 0) continue
      figures[way]!.ready.push(ready)
      figures[way]!.memory.push(memory)
    }
  }
  const added = (way: Way, what: 'ready' | 'memory') => (
    median(figures[way]![what].map((value, round) => value - figures.absent![what][round]!)))
  const aim = (way: Way, ready: number, memory: number) => `${TITLES[way]}: ${added(way, 'ready').toFixed(1)} ms and ` +
    `${added(way, 'memory').toFixed(1)} MiB more than absent; the aim is under ${ready} ms and ${memory} MiB.`
  publish('startup', {
    title: 'Start-up and memory',
    method: `A platform of configuration, database and settings, as built for production, starts ${ROUNDS} times each way, in ` +
      'turn, after one to warm up. Ready is the time from the start of the process to its listening; memory is what is ' +
      'resident after a garbage collection. Differences are taken round by round.',
    tables: [{
      title: 'Telemetry in a host',
      columns: ['telemetry', 'ready ms, median (range)', 'more than absent', 'memory MiB, median (range)', 'more than absent'],
      rows: ways.map((way) => [
        TITLES[way], spread(figures[way]!.ready), added(way, 'ready').toFixed(1), spread(figures[way]!.memory), added(way, 'memory').toFixed(1)
      ])
    }],
    findings: [
      aim('off', 5, 1),
      aim('on', 15, 5),
      'Starts of one kind differ among themselves by more than the kinds do: a difference below their range shows none. ' +
        'Memory is that of the whole process, in pages.'
    ]
  })
} finally {
  listener.close()
  rmSync(directory, { recursive: true, force: true })
}
