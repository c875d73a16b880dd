import { BlockList, isIP } from 'node:net'
import { ConnectionError } from './connection-error.js'

/** A proxy, and the environment variable that names it. */
export interface Proxy {
  variable: string
  url: URL
}

type Environment = Record<string, string | undefined>

/**
 * Finds the proxy for a URL as curl does: `https_proxy` or `http_proxy`, by the scheme of the URL, else `all_proxy`.
 * Lower case is preferred to upper case, an empty variable counts as unset, and hosts in `no_proxy` use no proxy.
 *
 * docs/network.md lists the intended differences from curl.
 *
 * @throws ConnectionError `PROXY_ADDRESS` if the variable holds no proxy address; the message does not repeat the value
 */
export function findProxy (url: URL, environment: Environment = process.env): Proxy | undefined {
  const read = (name: string) => [name, name.toUpperCase()].find((each) => environment[each]?.trim())
  const exempt = read('no_proxy')
  if (exempt && isExempt(url, environment[exempt]!)) return undefined
  const variable = read(`${url.protocol.slice(0, -1)}_proxy`) ?? read('all_proxy')
  return variable ? { variable, url: parseProxy(variable, environment[variable]!.trim()) } : undefined
}

function parseProxy (variable: string, value: string): URL {
  const text = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`
  // URL alone would accept any number of slashes.
  const url = /:\/\/[^/?#]/.test(text) && URL.canParse(text) ? new URL(text) : undefined
  if (url && /^socks/.test(url.protocol)) {
    throw new ConnectionError('PROXY_ADDRESS',
      `The environment variable ${variable} names a SOCKS proxy, which is not supported. ` +
      'Name an HTTP proxy, as http://host:port, and restart.')
  }
  // With an unencoded slash in the password, URL would take the user name for the host.
  const isMisread = url && `${url.pathname}${url.search}${url.hash}`.includes('@')
  if (url && !isMisread && /^https?:$/.test(url.protocol)) return url
  throw new ConnectionError('PROXY_ADDRESS',
    `The environment variable ${variable} does not hold the address of a proxy. ` +
    'Write http://host:port, with %40, %2F, %23 or %3F for an @, /, # or ? in a user name or password, and restart.')
}

/**
 * Checks whether `no_proxy` lists the URL's host. An entry is a name, which includes its subdomains, an address or a
 * network in CIDR notation, each with or without a port; or `*` for all hosts.
 */
function isExempt ({ protocol, hostname, port }: URL, list: string): boolean {
  const host = unwrap(hostname).replace(/\.$/, '')
  const onPort = port || (protocol === 'https:' ? '443' : '80')
  return list.toLowerCase().split(/[\s,]+/).some((entry) => {
    const [, withoutPort, itsPort] = /^(\[.+\]|[^:]+):(\d+)$/.exec(entry) ?? []
    if (itsPort && itsPort !== onPort) return false
    const pattern = withoutPort ?? entry
    if (pattern === '*') return true
    return isIP(host) ? isWithin(host, pattern) : isBelow(host, pattern)
  })
}

function isBelow (host: string, entry: string): boolean {
  const name = entry.replace(/^\*?\./, '').replace(/\.$/, '')
  return name !== '' && (host === name || host.endsWith(`.${name}`))
}

function isWithin (address: string, entry: string): boolean {
  const [, base = '', bits] = /^([^/]+)(?:\/(\d*))?$/.exec(entry) ?? []
  const network = unwrap(base)
  const [family, longest] = isIP(address) === 6 ? ['ipv6', 128] as const : ['ipv4', 32] as const
  const prefix = Number(bits || longest)
  // A BlockList would also find IPv4 addresses in networks of IPv6.
  if (isIP(network) !== isIP(address) || prefix > longest) return false
  const list = new BlockList()
  list.addSubnet(network, prefix, family)
  return list.check(address, family)
}

/** Removes the brackets of an IPv6 address. */
const unwrap = (host: string) => host.replace(/^\[(.*)\]$/, '$1')
