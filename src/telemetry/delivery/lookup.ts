import dns, { type LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { ConnectionError } from './connection-error.js'

/** Limit for one name server; after it the next one is asked. In a second round each has twice the time. */
const SERVER_MS = 1_000
const ROUNDS = [1, 2]

/**
 * How long to wait for the second answer (IPv4 or IPv6) once the first has arrived. Some firewalls drop the query for
 * IPv6 addresses.
 */
const OTHER_FAMILY_MS = 250

const { platform, env } = process
const HOSTS_FILE = platform === 'win32' ? `${env.SystemRoot}\\System32\\drivers\\etc\\hosts` : '/etc/hosts'

/**
 * Looks up a name in the hosts file, then with c-ares. If the name servers answer promptly that they do not know the
 * name, asks the operating system, which also uses search domains, mDNS and so on.
 *
 * The operating system is not asked first, because its lookup cannot be cancelled: it holds a thread until it has given
 * up on all name servers, and `process.exit` waits for that thread (https://docs.libuv.org/en/v1.x/threadpool.html).
 * c-ares uses no thread. Name servers that have just answered c-ares will answer the operating system promptly, too.
 *
 * @param host a name, or an address, which is returned unchanged
 * @param signal ends the lookup
 * @param beforeAsk called before each time that a name server is asked; what it throws ends the lookup
 * @returns at least one address, IPv4 first
 * @throws ConnectionError `ENOTFOUND` if the name does not exist, `EAI_AGAIN` if no name server could tell; or the
 * signal's reason
 */
export async function lookUp (
  host: string, signal: AbortSignal, beforeAsk: () => Promise<void> = async () => {}
): Promise<LookupAddress[]> {
  const name = host.replace(/\.$/, '').toLowerCase()
  const known = isIP(host) ? toAddresses([host]) : findIn(await readFile(HOSTS_FILE, 'utf8').catch(() => ''), name)
  signal.throwIfAborted()
  if (known.length > 0) return known
  // RFC 6761: localhost is never asked of a name server.
  if (/^(.+\.)?localhost$/.test(name)) return toAddresses(['127.0.0.1', '::1'])
  return askInTurn(host, signal, beforeAsk)
}

function findIn (hostsFile: string, name: string): LookupAddress[] {
  const lines = hostsFile.split('\n').map((line) => line.replace(/#.*/, '').trim().toLowerCase().split(/\s+/))
  return toAddresses(lines.filter(([, ...names]) => names.includes(name)).map(([address]) => address!))
}

/** Asks one name server after the other. c-ares would do so by itself, and without asking whether it still may. */
async function askInTurn (host: string, signal: AbortSignal, beforeAsk: () => Promise<void>): Promise<LookupAddress[]> {
  const servers = new dns.promises.Resolver().getServers()
  const began = performance.now()
  let codes: (string | undefined)[] = []
  for (const [round, server] of ROUNDS.flatMap((round) => servers.map((server) => [round, server] as const))) {
    await beforeAsk()
    signal.throwIfAborted()
    try {
      return await askNameServer(host, signal, server, SERVER_MS * round)
    } catch (error) {
      signal.throwIfAborted()
      codes = (error as AggregateError).errors.map(({ code }: NodeJS.ErrnoException) => code)
      if (codes.every((code) => code === 'ENOTFOUND' || code === 'ENODATA')) break
    }
  }
  const answered = !codes.includes('ETIMEOUT') && performance.now() - began < SERVER_MS
  if (!answered) throw notResolved(host, 'EAI_AGAIN', 'the name servers do not answer')
  await beforeAsk()
  return askOperatingSystem(host, signal)
}

/** @throws AggregateError if it knows no address */
async function askNameServer (
  host: string, signal: AbortSignal, server: string, timeout: number
): Promise<LookupAddress[]> {
  const resolver = new dns.promises.Resolver({ timeout, tries: 1 })
  resolver.setServers([server])
  const cancel = () => { resolver.cancel() }
  signal.addEventListener('abort', cancel, { once: true })
  try {
    return await firstAnswers([resolver.resolve4(host), resolver.resolve6(host)])
  } finally {
    signal.removeEventListener('abort', cancel)
    // The other query may still be running; its answer is not needed any more.
    cancel()
  }
}

/**
 * Waits for the first answer, and up to 250 ms longer for the others.
 *
 * @returns the addresses of all answers that arrived in time
 * @throws AggregateError if all questions fail
 */
async function firstAnswers (questions: Promise<string[]>[]): Promise<LookupAddress[]> {
  const addresses: string[] = []
  const all = Promise.allSettled(questions.map(async (question) => { addresses.push(...await question) }))
  await Promise.any(questions)
  let timer: NodeJS.Timeout | undefined
  await Promise.race([all, new Promise((resolve) => { timer = setTimeout(resolve, OTHER_FAMILY_MS) })])
  clearTimeout(timer)
  return toAddresses(addresses)
}

async function askOperatingSystem (host: string, signal: AbortSignal): Promise<LookupAddress[]> {
  try {
    const lookup = dns.promises.lookup(host, { all: true })
    await Promise.race([lookup, once(signal, 'abort')])
    signal.throwIfAborted()
    return toAddresses((await lookup).map(({ address }) => address))
  } catch (error) {
    signal.throwIfAborted()
    const { code } = error as NodeJS.ErrnoException
    throw notResolved(host, code === 'ENOTFOUND' ? code : 'EAI_AGAIN', 'the name servers do not know it')
  }
}

function notResolved (host: string, code: string, reason: string): ConnectionError {
  return new ConnectionError(code, `${host} could not be resolved: ${reason}`)
}

/** Puts IPv4 first: on a machine without IPv4 it fails immediately, while broken IPv6 often only times out. */
function toAddresses (addresses: string[]): LookupAddress[] {
  return addresses.map((address) => ({ address, family: isIP(address) })).filter(({ family }) => family > 0)
    .sort((one, other) => one.family - other.family)
}
