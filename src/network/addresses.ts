/** Addresses as sockets and proxies write them, for the platform and the collector alike. */
import { isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'

type Network = [address: ipaddr.IPv4 | ipaddr.IPv6, prefixLength: number]

/** Names that stand for networks, as in Express and Fastify. */
const NAMED: Record<string, string[]> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']
}

/**
 * Parses an address as proxies write it: with a port, a zone id, or as IPv4 in IPv6 notation.
 *
 * @returns undefined if it is not an address; IPv4 must be in strict dotted notation
 */
export function parseAddress (text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const [, bare = text] = /^\[(.*)\](?::\d+)?$/.exec(text) ?? /^([\d.]+):\d+$/.exec(text) ?? []
  const address = bare.replace(/%.*$/, '')
  if (isIPv4(address)) return ipaddr.IPv4.parse(address)
  // ipaddr.js also reads 0300.0.2.7 and 3232235777 as IPv4, which no proxy writes.
  return ipaddr.IPv6.isValid(address) ? ipaddr.process(address) : undefined
}

export interface Client {
  /** The address in its canonical form. Everything that is not an address becomes `unknown`, one client. */
  address: string
  /** The network by which requests are limited: an IPv4 address, or the /64 of an IPv6 address. */
  network: string
}

/** Reads the address of a client from a header or a socket. */
export function readClient (text: string): Client {
  // As most are. It is canonical already, and need not be parsed.
  if (isIPv4(text)) return { address: text, network: text }
  const parsed = parseAddress(text)
  const address = parsed?.toString() ?? 'unknown'
  if (!parsed || parsed.kind() === 'ipv4') return { address, network: address }
  const prefix = parsed.toByteArray().slice(0, 8).map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return { address, network: `${prefix}::/64` }
}

/**
 * Parses a list of proxies: addresses, networks and their names.
 *
 * @returns a function that checks whether an address from `X-Forwarded-For` is one of them; false for undefined, which
 *   it gets if the client has closed the connection
 * @throws Error that names the number of the invalid entry, and does not repeat it
 */
export function parseProxies (entries: readonly string[]): (address: string | undefined) => boolean {
  const networks = entries.flatMap((entry, index) => {
    const found = parseEntry(entry.trim())
    // Not repeated, as it may be a secret on the wrong line.
    if (!found) throw new Error(`entry ${index + 1} is not an address or network`)
    return found
  })
  return (text) => {
    const address = text === undefined ? undefined : parseAddress(text)
    return networks.some((network) => address?.kind() === network[0].kind() && address.match(network))
  }
}

function parseEntry (entry: string): Network[] | undefined {
  const names = Object.hasOwn(NAMED, entry) ? NAMED[entry] : undefined
  if (names) return names.map((name) => ipaddr.parseCIDR(name))
  const [host, length, ...rest] = entry.split('/')
  const address = parseAddress(host!)
  if (!address || rest.length > 0) return undefined
  const bits = address.kind() === 'ipv4' ? 32 : 128
  // A prefix of 0 would trust every address, and any client could claim any other.
  const prefixLength = length === undefined ? bits : /^[1-9]\d{0,2}$/.test(length) ? Number(length) : Infinity
  if (prefixLength > bits) return undefined
  return [[address, prefixLength]]
}
