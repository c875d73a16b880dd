import type { FastifyInstance } from 'fastify'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import cron from 'node-cron'
import { buildCollector, type CollectorOptions } from '../../src/collector/app.js'
import { connect } from '../../src/collector/storage/connect.js'
import type { Database } from '../../src/collector/storage/database.js'
import { openCollectorDatabase } from '../../src/collector/storage/open.js'
import type { CollectorSettings } from '../../src/collector/settings.js'
import type { Postgres } from '../helpers/postgres.js'

const realTimeout = globalThis.setTimeout

export const KEY = 'a key of the tests, which is long enough'

export const PING = {
  instanceId: '5db51f99-c6fb-4340-9c19-78adce58cc1b',
  os: { type: 'Darwin', release: '20.5.0', arch: 'x64' },
  env: { nodejs: 'v16.13.1', flowforge: '0.1.1' },
  platform: { counts: { users: 3, teams: 2, projects: 1 }, config: { driver: 'localfs' } }
}

/** The id of one of many installations. */
export const instanceId = (number: number) => PING.instanceId.replace(/^.{8}/, number.toString(16).padStart(8, '0'))

export interface Collector {
  app: FastifyInstance
  url: string
  databaseUrl: string
  post: (body: unknown, headers?: Record<string, string>) => Promise<{ status: number, headers: Headers, body: any }>
  /** Every row of a table as text; of `pings` unless another table is named. */
  rows: (table?: string) => Promise<Array<Record<string, unknown>>>
}

/**
 * A collector that listens on a port of its own, and closes after the test. On a given clock its jobs run at the start and
 * whenever the test calls `app.maintain`, or moves the timers, not at each minute of the real clock.
 */
export async function startCollector (
  t: TestContext, databaseUrl: string, settings: Partial<CollectorSettings> = {}, options: CollectorOptions = {}
): Promise<Collector> {
  const others = new Set(cron.getTasks().values())
  const app = await buildCollector({ ipHashKey: KEY, databaseUrl, logLevel: 'silent', ...settings }, options)
  const isTimed = options.now && setTimeout === realTimeout
  if (isTimed) for (const task of cron.getTasks().values()) if (!others.has(task)) await task.stop()
  t.after(() => app.close())
  const url = await app.listen({ host: settings.host ?? '127.0.0.1', port: 0 })
  return { app, url, databaseUrl, post: (body, headers) => post(url, body, headers), rows: (table = 'pings') => readRows(databaseUrl, table) }
}

export async function post (url: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body)
  })
  return { status: response.status, headers: response.headers, body: await response.json() as any }
}

/** Opens and migrates a collector's database; closes it after the test. @param today overrides the day of its clock */
export async function openTestDatabase (t: TestContext, databaseUrl: string, today?: number): Promise<Database> {
  const db = await openCollectorDatabase(databaseUrl, today)
  t.after(() => db.close())
  return db
}

/** Returns the URL of a new SQLite file. */
export async function sqliteUrl (t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'collector-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return `sqlite:${join(directory, 'collector.db')}`
}

export async function postgresUrl (postgres: Postgres): Promise<string> {
  const { user, password, host, port, database } = await postgres.createDatabase()
  return `postgres://${user}:${password}@${host}:${port}/${database}`
}

async function readRows (databaseUrl: string, table: string) {
  const db = await connect(databaseUrl)
  const rows = await db.query<Record<string, unknown>>(`SELECT * FROM ${table}`)
  await db.close()
  return rows
}

/** Reads all files of a directory: rows, logs and remains of deleted rows. */
export async function bytesIn (directory: string): Promise<Buffer> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => readFile(join(entry.parentPath, entry.name)))
  return Buffer.concat(await Promise.all(files))
}

/** The data directory of a PostgreSQL. */
export async function dataDirectory (databaseUrl: string): Promise<string> {
  const db = await connect(databaseUrl)
  const [found] = await db.query<{ directory: string }>("SELECT current_setting('data_directory') AS directory")
  await db.close()
  return found!.directory
}
