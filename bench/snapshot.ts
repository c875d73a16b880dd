/**
 * `npm run bench:snapshot`: what it costs to count users, teams and projects for a ping, beside the same statement
 * through the bare driver (the floor), beside three counts one after another, and beside three at once.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import sqlite3 from 'sqlite3'
import { migrations } from '../src/db/migrations.js'
import { defineModels } from '../src/db/models.js'
import { migrate } from '../src/database/migrate.js'
import { openDatabase, type DatabaseAddress } from '../src/database/open.js'
import { gather } from '../src/telemetry/collect.js'
import { startPostgres } from '../test/helpers/postgres.js'
import { fillTables, SIZE } from './fill-tables.js'
import { publish, ratio, spread } from './publish.js'
import { runInTurn, type Contestant } from './run-in-turn.js'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 25)
const STATEMENT = 'SELECT (SELECT count(*) FROM "Users") AS users, (SELECT count(*) FROM "Teams") AS teams, ' +
  '(SELECT count(*) FROM "Projects") AS projects'

const FLOOR = 'bare driver, one statement (the floor)'
const GATHERER = 'the gatherer'
const AT_ONCE = 'three counts at once'
const NOTHING = 'nothing (100 ms)'

/** The same statement, without the ORM, on a connection of its own. */
async function openFloor (address: DatabaseAddress): Promise<{ run: Contestant, close: () => Promise<void> }> {
  if (address.type === 'sqlite') {
    const database = new sqlite3.Database(address.storage)
    return {
      run: () => new Promise((resolve, reject) => database.get(STATEMENT, (error, row) => { error ? reject(error) : resolve(row) })),
      close: () => new Promise((resolve) => database.close(() => { resolve() }))
    }
  }
  const client = new pg.Client(address)
  await client.connect()
  return { run: () => client.query(STATEMENT), close: () => client.end() }
}

const idle: Contestant = () => new Promise((resolve) => { setTimeout(resolve, 100) })

async function race (address: DatabaseAddress, scale: number): Promise<string[][]> {
  const sequelize = await openDatabase(address)
  await migrate(sequelize, 'PlatformMigrations', migrations)
  await fillTables(sequelize, scale)
  const models = defineModels(sequelize)
  const floor = await openFloor(address)
  const host = {
    config: { version: '0.2.0', driver: { type: 'stub' } },
    settings: { get: () => '5db51f99-c6fb-4340-9c19-78adce58cc1b' },
    db: { sequelize, models }
  }
  const contestants: Record<string, Contestant> = {
    [FLOOR]: floor.run,
    [GATHERER]: () => gather(host),
    'three counts, one after another': async () => {
      await models.User.count()
      await models.Team.count()
      await models.Project.count()
    },
    [AT_ONCE]: () => Promise.all([models.User.count(), models.Team.count(), models.Project.count()]),
    [NOTHING]: idle
  }
  const figures = await runInTurn(contestants, ROUNDS)
  await floor.close()
  await sequelize.close()
  const lowest = figures[FLOOR]!
  const size = (SIZE.users * scale).toLocaleString('en')
  return Object.entries(figures).map(([name, { wall, stall }]) => [
    `${address.type}, ${size} users: ${name}`, spread(wall), ratio(wall, lowest.wall), spread(stall)
  ])
}

/** The aims, and what stands in the way of them. */
function describeFindings (rows: string[][]): string[] {
  const of = (contestant: string, column: number) => (
    rows.filter(([name]) => name!.endsWith(contestant)).map((row) => row[column]!))
  const places = of(GATHERER, 0).map((name) => name.split(':')[0]!)
  const inEachPlace = (tell: (index: number) => string) => places.map((place, index) => `${tell(index)} (${place})`).join(', ')
  const medianOf = (figures: string) => figures.split(' ')[0]!
  const [ours, floors, nothing, atOnce] = [GATHERER, FLOOR, NOTHING, AT_ONCE].map((contestant) => of(contestant, 3).map(medianOf))
  return [
    `The gatherer takes, beside the floor: ${inEachPlace((index) => of(GATHERER, 2)[index]!)}. The aim is at most 1.1.`,
    'What it takes beyond is a fixed millisecond or so, so that the database gives the count up after 5 seconds: on SQLite it opens a ' +
      'connection of its own for that, on PostgreSQL a transaction. Beside a small count it shows; beside a large one it is lost in the noise.',
    'The event loop was held up for, beside nothing and the floor: ' +
      `${inEachPlace((index) => `${ours![index]} ms beside ${nothing![index]} and ${floors![index]}`)}. The aim is no longer than ` +
      'nothing. The floor misses it, too: to take in an answer takes a moment of the event loop, and PostgreSQL counts in as many ' +
      'processes as this machine has cores.',
    `Three counts at once are no faster on SQLite, and hold the event loop up: ${inEachPlace((index) => `${atOnce![index]} ms`)}.`
  ]
}

const directory = mkdtempSync(join(tmpdir(), 'flowforge-bench-'))
const postgres = await startPostgres()
try {
  const rows: string[][] = []
  for (const scale of [0.1, 1, 10]) {
    const storage = join(directory, `${scale}.db`)
    rows.push(...await race({ type: 'sqlite', storage }, scale))
    rmSync(storage)
  }
  rows.push(...await race(await postgres.createDatabase(), 1))
  publish('snapshot', {
    title: 'The snapshot',
    method: `Tables of a tenth, once and ten times ${SIZE.users.toLocaleString('en')} users, ${SIZE.teams.toLocaleString('en')} ` +
      `teams and ${SIZE.projects.toLocaleString('en')} projects. Each contestant runs once a round, ${ROUNDS} rounds after one to ` +
      'warm up; ratios are taken round by round. A stall is the longest time that a timer of one millisecond came too late.',
    tables: [{
      title: 'Counting for a ping',
      columns: ['database, size: how', 'wall ms, median (range)', 'beside the floor', 'longest stall ms'],
      rows
    }],
    findings: describeFindings(rows)
  })
} finally {
  await postgres.stop()
  rmSync(directory, { recursive: true, force: true })
}
