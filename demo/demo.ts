/**
 * Shows a ping from end to end on this machine: a collector, a platform with some rows in its database, the wait of 30
 * seconds, the ping, and the row that the collector stored. With `--report`, the usage report of a year of pings
 * from 1,500 installations, or as many as `--installations` says; `--days` leaves out all but its last days.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { FastifyInstance } from 'fastify'
import { QueryTypes } from 'sequelize'
import { stringify } from 'yaml'
import { buildApp, loadConfig } from '../src/app.js'
import { buildCollector } from '../src/collector/app.js'
import { openDatabase } from '../src/database/open.js'
import type { LoggedPing } from '../src/telemetry/index.js'

const SECOND_MS = 1_000

/** The boot ping is sent after 30 seconds; after twice that time something is wrong. */
const PATIENCE_S = 60

const { values } = parseArgs({
  options: { report: { type: 'boolean' }, installations: { type: 'string', default: '1500' }, days: { type: 'string', default: '365' } }
})
if (values.report) await (await import('./report.js')).runReportDemo(Number(values.installations), Number(values.days))
else await runDemo()

async function runDemo (): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'flowforge-demo-'))
  const storage = join(home, 'collector.db')
  const collector = await buildCollector({
    databaseUrl: `sqlite:${storage}`, ipHashKey: randomBytes(32).toString('hex'), logLevel: 'silent'
  })
  const url = await collector.listen({ host: '127.0.0.1', port: 0 })
  say('The collector listens on', url)
  const platform = await startPlatform(home, url)
  try {
    const ping = await watchBootPing(platform)
    say('What was sent, byte for byte', ping.body)
    say('What the collector kept of it', JSON.stringify(await readRow(storage), null, 2))
  } finally {
    await platform.close()
    await collector.close()
    await rm(home, { recursive: true })
  }
}

/** A platform whose setup is finished, with some users, teams and projects in its database. */
async function startPlatform (home: string, url: string): Promise<FastifyInstance> {
  const file = join(home, 'flowforge.yml')
  await writeFile(file, stringify({ host: '127.0.0.1', port: 0, telemetry: { url } }))
  const app = await buildApp(loadConfig(file, { FLOWFORGE_HOME: home }), false)
  await seed(app)
  say('The platform listens on', await app.listen({ host: '127.0.0.1', port: 0 }))
  const { allowed, explanation } = await app.telemetry.consent()
  say('What it says of telemetry', explanation)
  if (!allowed) throw new Error('There is no ping to show while telemetry is off.')
  return app
}

async function seed ({ db: { models }, settings }: FastifyInstance): Promise<void> {
  const users = Array.from({ length: 12 }, (_, n) => ({ username: `user${n}`, name: `User ${n}`, email: `user${n}@example.com`, password: '-' }))
  await models.User.bulkCreate(users)
  await models.Team.bulkCreate([{ name: 'Assembly' }, { name: 'Logistics' }, { name: 'Energy' }])
  await models.Project.bulkCreate(Array.from({ length: 7 }, (_, n) => ({ name: `Line ${n}` })))
  await settings.set('setup:initialised', true)
}

/** Counts down to the boot ping, and waits for its outcome. */
async function watchBootPing ({ telemetry }: FastifyInstance): Promise<LoggedPing> {
  for (let second = 0; second < PATIENCE_S; second++) {
    const [ping] = await telemetry.pings()
    if (ping?.outcome === 'delivered') return ping
    showCountdown(30 - second)
    await new Promise((resolve) => setTimeout(resolve, SECOND_MS))
  }
  throw new Error(`no ping was delivered within ${PATIENCE_S} seconds`)
}

function showCountdown (seconds: number): void {
  const line = seconds > 0 ? `The boot ping leaves in ${seconds} s ` : 'The boot ping leaves now '
  if (process.stdout.isTTY) process.stdout.write(`\r${line}`)
  else if (seconds % 10 === 0) console.log(line)
}

/** The row, from the collector's own database file. */
async function readRow (storage: string): Promise<object> {
  const database = await openDatabase({ type: 'sqlite', storage })
  const [row] = await database.query<object>('SELECT * FROM pings', { type: QueryTypes.SELECT })
  await database.close()
  if (!row) throw new Error('the collector kept nothing')
  return row
}

function say (title: string, text: string): void {
  console.log(`\n${title}:\n${text}`)
}
