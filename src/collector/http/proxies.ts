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

/**
 * Parses a list of proxies: addresses, networks and their names, separated by commas.
 *
 * @returns a function that checks whether an address from `X-Forwarded-For` is one of them; false for undefined, which
 *   it gets if the client has closed the connection
 * @throws Error whose message is the invalid entry
 */
export function parseProxies (setting: string): (address: string | undefined) => boolean {
  const networks = setting.split(',').flatMap((entry) => parseEntry(entry.trim()))
  return (text) => {
    const address = text === undefined ? undefined : parseAddress(text)
    return networks.some((network) => address?.kind() === network[0].kind() && address.match(network))
  }
}

function parseEntry (entry: string): Network[] {
  const names = Object.hasOwn(NAMED, entry) ? NAMED[entry] : undefined
  if (names) return names.map((name) => ipaddr.parseCIDR(name))
  const [host, length, ...rest] = entry.split('/')
  const address = parseAddress(host!)
  if (!address || rest.length > 0) throw new Error(entry)
  const bits = address.kind() === 'ipv4' ? 32 : 128
  const prefixLength = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : Infinity
  if (prefixLength > bits) throw new Error(entry)
  return [[address, prefixLength]]
}
