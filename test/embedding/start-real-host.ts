import { execFile, spawn, type ChildProcessByStdio, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { promisify } from 'node:util'
import type { LogLine } from '../helpers/platform.js'
import { preload } from '../helpers/program.js'
import { isSoak } from '../helpers/soak.js'
import { unpack } from '../helpers/unpack.js'
import { within } from '../helpers/within.js'

/** Copies of Sequelize that a host may have, installed under these names. */
export const SEQUELIZES = ['sequelize-6.6.5', 'sequelize-6.30.0', 'sequelize-6.37.5'] as const

/** The dependencies in the manifest of the package. */
export const DEPENDENCIES = ['fastify-plugin', 'typebox', 'undici', 'yaml'] as const

let packed: Promise<string> | undefined

/** The unpacked `@flowforge/telemetry`, shared by all tests of this process. */
export function packTelemetry (): Promise<string> {
  packed ??= pack()
  return packed
}

/** Compiling takes most of the time: who runs all tests has built the platform, which compiles the same files. */
const isBuilt = process.env.DIST_IS_BUILT === '1' && !isSoak

async function pack (): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'flowforge-embedding-'))
  process.on('exit', () => { rmSync(root, { recursive: true, force: true }) })
  const [command, ...args] = isBuilt ? ['node', 'pack-telemetry.js', root, '--built'] : ['npm', 'run', '--silent', 'pack:telemetry', '--', root]
  const { stdout } = await promisify(execFile)(command!, args)
  unpack(stdout.trim().split('\n').at(-1)!, join(root, 'package'))
  return join(root, 'package')
}

/** A test, or whatever else lasts for a while. */
export interface Owner {
  after: (act: () => void) => void
}

/** A project with the package, fastify and one copy of Sequelize, as `npm install` would create it. */
export function createProject (t: Owner, telemetry: string, sequelize: string): string {
  const project = mkdtempSync(join(tmpdir(), 'flowforge-host-'))
  t.after(() => { rmSync(project, { recursive: true, force: true }) })
  const modules = join(project, 'node_modules')
  mkdirSync(join(modules, '@flowforge'), { recursive: true })
  cpSync(telemetry, join(modules, '@flowforge', 'telemetry'), { recursive: true })
  mkdirSync(join(modules, '@appthreat'))
  for (const name of ['fastify', '@appthreat/sqlite3', ...DEPENDENCIES]) symlinkSync(resolve('node_modules', name), join(modules, name))
  symlinkSync(resolve('node_modules', sequelize), join(modules, 'sequelize'))
  for (const file of readdirSync('test/embedding/project')) cpSync(join('test/embedding/project', file), join(project, file))
  return project
}

export interface RealHost {
  /** Runs a task in the host; resolves to its result. @throws what the task throws */
  ask: (task: string, ...parameters: unknown[]) => Promise<any>
  /** Waits for a line of its log. */
  log: (pattern: RegExp) => Promise<LogLine>
  lines: LogLine[]
}

/** A process of one host or several. */
export interface HostProcess {
  open: (host: object) => RealHost
  /** Lets it end once its hosts are closed; resolves to its exit code. */
  end: () => Promise<number | null>
}

/**
 * Starts test/embedding/project/real-host.mjs in a new process.
 *
 * @param options of the process, such as another user or an empty environment
 */
export function startHostProcess (t: Owner, project: string, env: Record<string, string> = {}, options: SpawnOptions = {}): HostProcess {
  const child = spawn(process.execPath, [...preload('test/guard.ts', 'test/helpers/clock.ts'), 'real-host.mjs'], {
    cwd: project, ...options, env: { ...options.env ?? process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit']
  }) as ChildProcessByStdio<Writable, Readable, null>
  t.after(() => { child.kill('SIGKILL') })
  const lines: Record<string, LogLine[]> = {}
  const answers = new Map<number, { result?: unknown, error?: object }>()
  let asked = 0
  const output = createInterface({ input: child.stdout }).setMaxListeners(50)
  output.on('line', (line) => {
    const { told, host, ...logged } = JSON.parse(line)
    if (told) answers.set(told.id, told)
    else lines[host]!.push(logged)
    output.emit('told')
  })
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  const wait = (what: string) => within(what, Promise.race([once(output, 'told'), exited.then((code) => {
    throw new Error(`the host ended with ${code} before ${what}`)
  })]))

  async function ask (name: string, task: string, ...parameters: unknown[]): Promise<any> {
    const id = ++asked
    child.stdin.write(`${JSON.stringify([id, name, task, ...parameters])}\n`)
    while (!answers.has(id)) await wait(`the answer to ${task}`)
    const { result, error } = answers.get(id)!
    if (error) throw Object.assign(new Error(), error)
    return result
  }

  function open (host: object): RealHost {
    const name = String(Object.keys(lines).length)
    const own: LogLine[] = lines[name] = []
    // A host that cannot open fails each task.
    ask(name, 'open', host).catch(() => {})
    return {
      ask: (task, ...parameters) => ask(name, task, ...parameters),
      async log (pattern) {
        for (;;) {
          const found = own.find(({ msg }) => pattern.test(msg))
          if (found) return found
          await wait(`a line that says ${pattern}`)
        }
      },
      lines: own
    }
  }

  return {
    open,
    end () {
      child.stdin.end()
      return within('the end of the host', exited)
    }
  }
}
