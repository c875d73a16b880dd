import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import net, { type Socket } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { QueryTypes, type Sequelize } from 'sequelize'
import { parse, stringify } from 'yaml'
import { openDatabase } from '../../src/database/open.js'
import { migrate } from '../../src/telemetry/store/migrations.js'
import type { LoggedPing } from '../../src/telemetry/index.js'
import { runCommand, runCommandProcess } from '../cli/run-command.js'
import { CONFIRMATION } from '../helpers/listener.js'
import { answerOf, startPeer, type Peer } from '../helpers/peer.js'
import { temporaryDirectory } from '../helpers/platform.js'
import { createHome, install, startReplica, type Installation, type Replica } from '../helpers/replica.js'
import { isSoak } from '../helpers/soak.js'
import { until } from '../helpers/within.js'

/** `two` sends through a proxy. */
export const REPLICAS = ['one', 'two'] as const
export type ReplicaName = typeof REPLICAS[number]
export const SENDERS = [...REPLICAS, 'command line'] as const
export type Sender = typeof SENDERS[number]

export const COLLECTOR_MODES = ['working', 'slow', 'failing', 'redirecting'] as const
export const DATABASE_MODES = ['working', 'full', 'locked'] as const

/** The speed of the platforms' clock: a boot ping is sent half a second after the start. */
const SPEED = 60

/** The wait that the collector asks for: one second of the platforms' clock. */
const RETRY_AFTER = '60'

/** The operator's choice for one process; it may differ for another. */
export const OPERATORS = ['allows', 'refuses by the environment', 'refuses by flowforge.yml'] as const
export type Operator = typeof OPERATORS[number]

/** A ping that was started but not awaited. */
export interface InFlight {
  sender: Sender
  since: number
  ended: Promise<Pick<LoggedPing, 'outcome' | 'error'> | undefined>
}

/** Writes the operator's choice into the flowforge.yml of a process, which reads it at its start. */
function setInFile (home: string, enabled: boolean): void {
  const file = join(home, 'flowforge.yml')
  const config = parse(readFileSync(file, 'utf8')) as { telemetry: object }
  writeFileSync(file, stringify({ ...config, telemetry: { ...config.telemetry, enabled } }))
}

/** The real system that is compared with the model: processes, a database, a collector and a proxy. */
export class World {
  collector: typeof COLLECTOR_MODES[number] = 'working'
  readonly replicas: Partial<Record<ReplicaName, Replica>> = {}
  readonly inFlight: InFlight[] = []
  /** Tunnels held by the proxy; undefined while it opens each at once. */
  #tunnels: (() => void)[] | undefined
  #lock: (() => Promise<void>) | undefined
  readonly #started = Date.now()
  readonly #t: TestContext
  readonly #installation: Installation
  readonly #database: Sequelize
  readonly #outlets: Record<Sender, Peer>
  readonly #homes: Record<Sender, string>

  private constructor (t: TestContext, installation: Installation, database: Sequelize, outlets: Record<Sender, Peer>, homes: Record<Sender, string>) {
    this.#t = t
    this.#installation = installation
    this.#database = database
    this.#outlets = outlets
    this.#homes = homes
  }

  static async create (t: TestContext): Promise<World> {
    const storage = join(temporaryDirectory(t), 'flowforge.db')
    const installation = await install(t, { type: 'sqlite', storage })
    const database = await openDatabase({ type: 'sqlite', storage })
    t.after(() => database.close())
    await migrate(database)
    const [one, collector, commandLine] = await Promise.all([1, 2, 3].map(() => startPeer(t, (socket) => world.#answer(socket))))
    const proxy = await startPeer(t, (socket) => world.#tunnel(socket))
    const homes = {
      one: createHome(t, installation, one!.url),
      two: createHome(t, installation, collector!.url),
      'command line': createHome(t, installation, commandLine!.url)
    }
    const world: World = new World(t, installation, database, { one: one!, two: proxy, 'command line': commandLine! }, homes)
    return world
  }

  /** Connections and bytes of a sender so far, at its first hop. */
  heard (sender: Sender): string {
    const { connections, bytes } = this.#outlets[sender]
    return `${connections()} connections, ${bytes()} bytes`
  }

  /** Waits until a sender has started to send a ping, and remembers it as in flight. */
  async keepInFlight (sender: Sender, before: string, ended: InFlight['ended']): Promise<void> {
    this.inFlight.push({ sender, ended, since: performance.now() })
    await this.hasSent(sender, before)
  }

  async hasSent (sender: Sender, before: string): Promise<void> {
    // A connection is not enough: its request may follow, as a refusal in another process comes too late for it.
    const [, bytes] = / (\d+) bytes$/.exec(before)!
    await until(`bytes of ${sender}`, () => this.#outlets[sender].bytes() > Number(bytes))
  }

  async start (name: ReplicaName, operator: Operator): Promise<void> {
    const refusing = operator !== 'allows'
    setInFile(this.#homes[name], operator !== 'refuses by flowforge.yml')
    const now = this.#started + (Date.now() - this.#started) * SPEED
    this.replicas[name] = await startReplica(this.#t, this.#installation, this.#homes[name], {
      CLOCK_SPEED: String(SPEED),
      CLOCK_SET_TO: String(now),
      ...name === 'two' && { HTTP_PROXY: this.#outlets.two.url },
      ...operator === 'refuses by the environment' && { DO_NOT_TRACK: '1' }
    })
    const { log } = this.replicas[name]
    await log.find(/^Telemetry is o/)
    if (refusing) await log.find(/refusal binds the command line/)
  }

  async end (name: ReplicaName, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.replicas[name]!.stop(signal)
    delete this.replicas[name]
  }

  /** @param waits whether it does not end before the next step; in one process commands run one at a time */
  command (words: string, waits = false) {
    const run = waits || isSoak ? runCommandProcess : runCommand
    return run(this.#homes['command line'], words, { USER: 'root' })
  }

  hold (): void {
    this.#tunnels ??= []
  }

  release (): void {
    const tunnels = this.#tunnels ?? []
    this.#tunnels = undefined
    for (const open of tunnels) open()
  }

  async setDatabase (mode: typeof DATABASE_MODES[number]): Promise<void> {
    for (const table of ['PlatformSettings', 'TelemetryDecisions', 'TelemetryPings']) {
      for (const event of ['INSERT', 'UPDATE']) {
        const name = `"full-${event}-${table}"`
        await this.#database.query(mode === 'full'
          ? `CREATE TRIGGER IF NOT EXISTS ${name} BEFORE ${event} ON "${table}" BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`
          : `DROP TRIGGER IF EXISTS ${name}`)
      }
    }
    if (mode !== 'locked') return
    const transaction = await this.#database.transaction()
    await this.#database.query('ROLLBACK', { transaction })
    await this.#database.query('BEGIN IMMEDIATE', { transaction })
    this.#lock = () => transaction.rollback()
  }

  async unlock (): Promise<void> {
    await this.#lock?.()
    this.#lock = undefined
  }

  /** The decisions in the database, oldest first. */
  async readRecord () {
    const query = <Row extends object>(statement: string) => this.#database.query<Row>(statement, { type: QueryTypes.SELECT })
    const rows = await query<{ enabled: number, way: string }>('SELECT enabled, way FROM "TelemetryDecisions" ORDER BY id')
    const [stored] = await query<{ value: string }>('SELECT value FROM "PlatformSettings" WHERE key = \'telemetry:enabled\'')
    return {
      record: rows.map(({ enabled, way }) => `${enabled === 1 ? 'yes' : 'no'} by ${way}`),
      stored: stored && JSON.parse(stored.value) as unknown
    }
  }

  /** Resets the world to the start of a sequence: both replicas run, and there is no decision. */
  async reset (initialised: boolean): Promise<void> {
    this.collector = 'working'
    this.release()
    await this.unlock()
    await this.setDatabase('working')
    for (const name of REPLICAS) if (this.replicas[name]) await this.replicas[name].decide(false)
    await Promise.all(this.inFlight.splice(0).map(({ ended }) => ended))
    await Promise.all(REPLICAS.map(async (name) => {
      const replica = this.replicas[name]
      if (replica && await replica.decide(true) === 200) return
      if (replica) await this.end(name, 'SIGTERM')
      await this.start(name, 'allows')
    }))
    await this.#database.query('DELETE FROM "TelemetryDecisions"')
    await this.#database.query('DELETE FROM "PlatformSettings" WHERE key LIKE \'telemetry:%\'')
    await this.#database.query('UPDATE "PlatformSettings" SET value = $1 WHERE key = \'setup:initialised\'', { bind: [String(initialised)] })
  }

  #answer (socket: Socket): void {
    socket.once('data', () => {
      if (this.collector === 'slow') return
      const answers = {
        working: answerOf(200, { 'content-type': 'application/json' }, CONFIRMATION),
        failing: answerOf(503, { 'retry-after': RETRY_AFTER }),
        redirecting: answerOf(302, { location: this.#outlets.one.url })
      }
      socket.end(answers[this.collector])
    })
  }

  #tunnel (socket: Socket): void {
    socket.once('data', (head: Buffer) => {
      const [, port] = /^CONNECT \S+:(\d+) /.exec(head.toString('latin1')) ?? []
      assert.ok(port, 'a request to the proxy that opens no tunnel')
      const open = async () => {
        if (socket.destroyed) return
        const target = net.connect(Number(port), 'localhost')
        target.on('error', () => { socket.destroy() })
        socket.on('close', () => { target.destroy() })
        await once(target, 'connect')
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
        socket.pipe(target).pipe(socket)
      }
      if (this.#tunnels) this.#tunnels.push(() => { void open() })
      else void open()
    })
  }
}
