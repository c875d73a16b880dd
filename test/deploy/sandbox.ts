/** Does for a process what a container engine or systemd would, with the tools of util-linux and coreutils. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, lstatSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { without } from '../helpers/tools.js'
import { within } from '../helpers/within.js'

/** A process in a separate root directory. */
export interface Entry {
  /** `user:group`, as numbers. */
  user: string
  /** The whole environment of the process. */
  environment: Record<string, string>
  directory: string
  /** The writable folders of the root; if absent, all are writable. */
  writable?: string[]
  /** Folders of this machine, by their mount point in the root. */
  mounts?: Record<string, string>
}

/** The PATH of a container image. */
export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const COMPILERS = ['cc', 'gcc', 'c++', 'g++', 'clang', 'make', 'python3']

/** The reason why this machine cannot make a root directory for a process, or false. */
export const cannotEnter = process.platform !== 'linux'
  ? 'needs mount namespaces, which only Linux has'
  : without('unshare', 'mount', 'setpriv', 'chroot', 'cp') || (process.getuid!() !== 0 && 'needs root, to mount and to change the user')

/**
 * Prepares a root directory with the programs of this machine but no users: /etc has neither passwd nor group.
 */
export function prepareRoot (root: string): void {
  for (const folder of ['usr', 'proc', 'dev', 'tmp', 'etc', 'var/lib']) mkdirSync(join(root, folder), { recursive: true })
  writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 localhost database\n')
  for (const folder of ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'].filter((name) => existsSync(join('/', name)))) {
    const original = join('/', folder)
    if (lstatSync(original).isSymbolicLink()) symlinkSync(readlinkSync(original), join(root, folder))
    else mkdirSync(join(root, folder))
  }
}

/** Starts a command in a root directory. The child process is the command itself, for signals and the exit code. */
export function enter (root: string, command: string[], { user, environment, directory, writable, mounts = {} }: Entry): ChildProcess {
  for (const folder of [...writable ?? [], ...Object.keys(mounts)]) mkdirSync(join(root, folder), { recursive: true })
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  return spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-euc', mountScript(root, mounts, writable), 'sh',
    'setpriv', '--no-new-privs', 'chroot', `--userspec=${user}`, '--groups=', root,
    '/usr/bin/env', '-i', '-C', directory, ...variables, ...command], { stdio: ['ignore', 'pipe', 'pipe'] })
}

function mountScript (root: string, mounts: Record<string, string>, writable?: string[]): string {
  const bind = (from: string, to: string) => `mount --rbind ${quote(from)} ${quote(join(root, to))}`
  const folders = ['/usr', ...['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'].map((name) => join('/', name))]
    .filter((folder) => existsSync(folder) && !lstatSync(folder).isSymbolicLink())
  const hidden = COMPILERS.map((name) => join('/usr/bin', name)).filter(existsSync)
  const node = dirname(dirname(process.execPath))
  return [
    bind(root, '/'),
    ...folders.map((folder) => bind(folder, folder)),
    // As in the images of Node.js.
    ...node === '/usr' ? [] : [bind(node, '/usr/local')],
    ...hidden.map((program) => bind('/dev/null', program)),
    bind('/proc', '/proc'),
    bind('/dev', '/dev'),
    `mount -t tmpfs tmpfs ${quote(join(root, 'tmp'))}`,
    ...Object.entries(mounts).map(([to, from]) => bind(from, to)),
    ...writable ? [...writable.map((folder) => bind(join(root, folder), folder)), `mount -o remount,bind,ro ${quote(root)}`] : [],
    'exec "$@"'
  ].join('\n')
}

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/** Waits for a command in a root directory. @throws an error with its exit code and output if it fails */
export async function runInside (root: string, command: string[], entry: Entry): Promise<string> {
  const child = enter(root, command, entry)
  let output = ''
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (data) => { output += data })
  const [code] = await within(command.join(' '), once(child, 'close'), 300_000)
  if (code !== 0) throw Object.assign(new Error(`${command.join(' ')}: exit code ${code}\n${output}`), { code })
  return output
}

/** Waits for the line with the address of a server; fails with its output if it ends before. */
export async function listening (child: ChildProcess): Promise<void> {
  let output = ''
  child.stderr!.on('data', (data) => { output += data })
  const said = (async () => {
    for await (const line of createInterface(child.stdout!)) {
      if (line.includes('Server listening')) return
      output += `${line}\n`
    }
    throw new Error(`it ended before it listened: ${output}`)
  })()
  await within('the line that it listens', said)
  child.stdout!.resume()
}

/** Stops a server as a supervisor does. Resolves to its exit code. */
export async function stop (child: ChildProcess): Promise<number> {
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const [code] = await within('the exit', exited)
  return code
}
