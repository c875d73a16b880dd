/**
 * `npm run bench:snapshot`: what it costs to count users, teams and projects for a ping, beside the same statement
 * through the bare driver (the floor), beside three counts one after another, and beside three at once.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { QueryTypes, type Sequelize } from 'sequelize'
import sqlite3 from 'sqlite3'
import { migrations } from '../src/db/migrations.js'
import { defineModels } from '../src/db/models.js'
import { migrate } from '../src/lib/migrate.js'
import { openDatabase, type DatabaseAddress } from '../src/lib/open-database.js'
import { gather } from '../src/telemetry/gather.js'
import { startPostgres } from '../test/helpers/postgres.js'
import { publish, ratio, spread } from './publish.js'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9)
const SIZE = { users: 1_000_000, teams: 100_000, projects: 1_000_000 }
const STATEMENT = 'SELECT (SELECT count(*) FROM "Users") AS users, (SELECT count(*) FROM "Teams") AS teams, ' +
  '(SELECT count(*) FROM "Projects") AS projects'

const FLOOR = 'bare driver, one statement (the floor)'
const GATHERER = 'the gatherer'
const AT_ONCE = 'three counts at once'
const NOTHING = 'nothing (100 ms)'

type Contestant = () => Promise<unknown>

interface Figures {
  wall: number[]
  stall: number[]
}

/** Rows made by the database itself; the values are as long as real ones. */
async function fill (sequelize: Sequelize, scale: number): Promise<void> {
  const now = sequelize.getDialect() === 'postgres' ? 'now()' : "datetime('now')"
  const numbers = (count: number) => sequelize.getDialect() === 'postgres'
    ? `SELECT generate_series(1, ${count}) AS n`
    : `WITH RECURSIVE counter (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < ${count}) SELECT n FROM counter`
  const admin = sequelize.getDialect() === 'postgres' ? 'false' : '0'
  const statements = [
    'INSERT INTO "Users" (username, name, email, password, admin, "createdAt", "updatedAt") SELECT \'user\' || n, ' +
    `'User ' || n, 'user' || n || '@example.com', 'hash', ${admin}, ${now}, ${now} FROM (${numbers(SIZE.users * scale)}) AS numbers`,
    `INSERT INTO "Teams" (name, "createdAt", "updatedAt") SELECT 'Team ' || n, ${now}, ${now} FROM (${numbers(SIZE.teams * scale)}) AS numbers`,
    `INSERT INTO "Projects" (name, "createdAt", "updatedAt") SELECT 'Project ' || n, ${now}, ${now} FROM (${numbers(SIZE.projects * scale)}) AS numbers`
  ]
  for (const statement of statements) await sequelize.query(statement, { type: QueryTypes.RAW })
  await sequelize.query(sequelize.getDialect() === 'postgres' ? 'VACUUM ANALYZE' : 'PRAGMA wal_checkpoint(TRUNCATE)')
}

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

/** Runs once, and watches how long the event loop was not free meanwhile, in milliseconds. */
async function time (run: Contestant): Promise<{ wall: number, stall: number }> {
  let stall = 0
  let last = performance.now()
  const watch = setInterval(() => {
    const now = performance.now()
    stall = Math.max(stall, now - last - 1)
    last = now
  }, 1)
  const started = performance.now()
  await run()
  const wall = performance.now() - started
  stall = Math.max(stall, performance.now() - last - 1)
  clearInterval(watch)
  return { wall, stall }
}

const idle: Contestant = () => new Promise((resolve) => { setTimeout(resolve, 100) })

async function race (address: DatabaseAddress, scale: number): Promise<string[][]> {
  const sequelize = await openDatabase(address)
  await migrate(sequelize, 'PlatformMigrations', migrations)
  await fill(sequelize, scale)
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
  const figures = await runInTurn(contestants)
  await floor.close()
  await sequelize.close()
  const lowest = figures[FLOOR]!
  const size = (SIZE.users * scale).toLocaleString('en')
  return Object.entries(figures).map(([name, { wall, stall }]) => [
    `${address.type}, ${size} users: ${name}`, spread(wall), ratio(wall, lowest.wall), spread(stall)
  ])
}

/** Each round runs every contestant once, so that a machine that slows down slows all of them. */
async function runInTurn (contestants: Record<string, Contestant>): Promise<Record<string, Figures>> {
  const figures = Object.fromEntries(Object.keys(contestants).map((name) => [name, { wall: [], stall: [] } as Figures]))
  for (let round = -1; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(contestants)) {
      const { wall, stall } = await time(run)
      if (round < 0) continue
      figures[name]!.wall.push(wall)
      figures[name]!.stall.push(stall)
    }
  }
  return figures
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
      'nothing. What the ORM does for its statements stands in the way on SQLite; PostgreSQL counts in as many processes as this ' +
      'machine has cores, and the floor waits for one of them as well.',
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
