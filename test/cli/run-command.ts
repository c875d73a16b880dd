import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { runProgram } from '../helpers/program.js'

export interface CommandResult {
  code: number | null
  stdout: string
  stderr: string
}

/**
 * Runs `flowforge` as a process of its own, on the installation in `home`, to its end.
 *
 * @param source the folder of another release (next-release.ts)
 */
export async function runCommand (
  home: string, words: string, env: Record<string, string> = {}, source?: string
): Promise<CommandResult> {
  const args = [...runProgram('src/cli/index.ts', [], source), ...words.split(' '), '--config', join(home, 'flowforge.yml')]
  const child = spawn(process.execPath, args, {
    env: { ...process.env, FLOWFORGE_HOME: home, ...env }, stdio: ['ignore', 'pipe', 'pipe']
  })
  const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  return { code, stdout, stderr }
}
