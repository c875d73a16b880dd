import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { lchownSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { runProgram } from './program.js'
import { within } from './within.js'

/** A user id without an entry in /etc/passwd, as in containers; without root, the current user. */
export const UNKNOWN_USER = process.getuid?.() === 0 ? { uid: 54_321, gid: 54_321 } : {}

/** Gives a folder to that user. */
export function giveToUnknownUser (folder: string): void {
  const { uid, gid } = UNKNOWN_USER
  if (uid === undefined) return
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path))
  for (const path of [folder, ...paths]) lchownSync(path, uid, gid)
}

/** Starts a program of this repository as that user, without HOME, USER or anything else in the environment. */
export function spawnAsUnknownUser (file: string, args: string[], env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [...runProgram(file), ...args], { ...UNKNOWN_USER, env, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Runs a program as that user, and waits for its end. */
export async function runAsUnknownUser (file: string, args: string[], env: Record<string, string>) {
  const child = spawnAsUnknownUser(file, args, env)
  const [[code], stdout, stderr] = await within(`${file} ${args.join(' ')} to end`,
    Promise.all([once(child, 'close'), text(child.stdout!), text(child.stderr!)]))
  return { code: code as number | null, stdout, stderr }
}
