import dns, { type LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { ConnectionError } from './connection-error.js'

/** A name server that does not answer in this time is given up, and the next one is asked; in a second round in twice the time. */
const SERVER_MS = 1_000
const ROUNDS = [1, 2]

/** How long the addresses of one family wait for those of the other. Some firewalls drop the questions for IPv6. */
const OTHER_FAMILY_MS = 250

const HOSTS_FILE = process.platform === 'win32' ? `${process.env.SystemRoot}\\System32\\drivers\\etc\\hosts` : '/etc/hosts'

/**
 * Looks up a name: in the hosts file, then by c-ares, then, if the name servers say at once that they do not know it, by the
 * operating system, which knows search domains, mDNS and the like.
 *
 * The operating system alone would do, but its lookup cannot be cancelled: it holds a thread until all name servers are given
 * up, and `process.exit` waits for that thread (https://docs.libuv.org/en/v1.x/threadpool.html). c-ares uses no thread. A
 * name server that has just answered answers the operating system, too.
 *
 * @param host a name, or an address, which is returned as it is
 * @param signal ends the lookup
 * @param beforeAsk called before each time that a name server is asked; what it throws ends the lookup
 * @returns at least one address, IPv4 first
 * @throws ConnectionError `ENOTFOUND` if there is no such name, `EAI_AGAIN` if that is not known; or the signal's reason
 */
export async function lookUp (
  host: string, signal: AbortSignal, beforeAsk: () => Promise<void> = async () => {}
): Promise<LookupAddress[]> {
  const name = host.replace(/\.$/, '').toLowerCase()
  const known = isIP(host) ? toAddresses([host]) : findIn(await readFile(HOSTS_FILE, 'utf8').catch(() => ''), name)
  signal.throwIfAborted()
  if (known.length > 0) return known
  // RFC 6761: not a question for a name server.
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
async function askNameServer (host: string, signal: AbortSignal, server: string, timeout: number): Promise<LookupAddress[]> {
  const resolver = new dns.promises.Resolver({ timeout, tries: 1 })
  resolver.setServers([server])
  const cancel = () => { resolver.cancel() }
  signal.addEventListener('abort', cancel, { once: true })
  try {
    return await firstAnswers([resolver.resolve4(host), resolver.resolve6(host)])
  } finally {
    signal.removeEventListener('abort', cancel)
    // What is still asked for by then is not needed any more.
    cancel()
  }
}

/** @throws AggregateError if all fail */
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

/** IPv4 first: where only IPv6 works, IPv4 fails at once; where IPv6 is broken, it often fails by silence. */
function toAddresses (addresses: string[]): LookupAddress[] {
  return addresses.map((address) => ({ address, family: isIP(address) })).filter(({ family }) => family > 0)
    .sort((one, other) => one.family - other.family)
}
