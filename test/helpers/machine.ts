import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { startNameServer, type NameServer } from './name-server.js'
import { temporaryDirectory } from './platform.js'

/** The reason why files cannot be mounted for a process here, or false. */
export const cannotMount = spawnSync('unshare', ['-m', 'true']).status === 0 ? false : 'needs the right to mount files'

/** Wraps a command so that these files have other contents in its file system. */
export function prepareMachine (t: TestContext, files: Record<string, string>): string[] {
  const directory = temporaryDirectory(t)
  const mounts = Object.entries(files).map(([path, text], index) => {
    const file = join(directory, String(index))
    writeFileSync(file, text)
    return `mount --bind ${file} ${path}`
  })
  return ['unshare', '-m', 'sh', '-c', [...mounts, 'exec "$@"'].join(' && '), 'sh']
}

/** The port of name servers that all operating systems use. */
export const DNS_PORT = 53

let machines = 0

/**
 * A machine whose name servers never answer.
 *
 * @param network the second number of their addresses, 127.N.1.1 and so on: test files run concurrently
 */
export async function prepareSilentMachine (
  t: TestContext, count: number, network: number
): Promise<{ wrapper: string[], servers: NameServer[] }> {
  const servers: NameServer[] = []
  const machine = ++machines
  while (servers.length < count) {
    servers.push(await startNameServer(t, {}, { host: `127.${network}.${machine}.${servers.length + 1}`, port: DNS_PORT }))
  }
  const resolvers = servers.map(({ address }) => `nameserver ${address.split(':')[0]}\n`).join('')
  return { wrapper: prepareMachine(t, { '/etc/resolv.conf': resolvers }), servers }
}
