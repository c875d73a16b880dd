/** Where the choice of a proxy differs from curl on purpose: for docs/network.md, and for the test that measures both. */
interface ProxyRule {
  /** A case, as the document names it. */
  title: string
  curl: string
  here: string
  reason: string
}

const rules = {
  upperCase: {
    title: '`HTTP_PROXY` in upper case',
    curl: 'ignored',
    here: 'used after `http_proxy`',
    reason: 'curl guards CGI programs, to which a client can pass it; the platform is none'
  },
  port: {
    title: 'a proxy without a port',
    curl: '1080',
    here: '80, or 443 for an https proxy',
    reason: 'as in other programs, and in FlowForge before'
  },
  socks: {
    title: 'SOCKS proxies',
    curl: 'used',
    here: 'reported as not supported; no connection is made',
    reason: 'a ping needs HTTP proxies only'
  },
  plainHttp: {
    title: 'an http address',
    curl: 'the request itself goes to the proxy',
    here: '`CONNECT`, as for https',
    reason: 'the proxy learns nothing but the host and port'
  },
  spaces: {
    title: 'spaces around the address of a proxy',
    curl: 'an error',
    here: 'ignored; spaces alone count as unset',
    reason: 'they are never meant'
  },
  slashes: {
    title: '`http:///proxy`',
    curl: 'used',
    here: 'reported as wrong; no connection is made',
    reason: 'the host is missing'
  },
  plainWords: {
    title: '`no_proxy=*` beside other entries; `*.example.com`; `host:port`; an address in brackets; a network `/0`',
    curl: 'no match',
    here: 'a match',
    reason: 'it says plainly which hosts are meant'
  },
  ipv6: {
    title: 'IPv6 networks in `no_proxy`, and an IPv6 address in another spelling',
    curl: 'no match in some releases',
    here: 'a match',
    reason: 'an address is the same in every spelling'
  }
} satisfies Record<string, ProxyRule>

export type RuleName = keyof typeof rules

export const PROXY_RULES: Record<RuleName, ProxyRule> = rules
