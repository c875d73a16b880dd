/** Where the choice of a proxy differs from curl on purpose: for docs/network.md, and for the test that measures both. */
export interface ProxyRule {
  /** A case, as the document names it. */
  title: string
  curl: string
  here: string
  reason: string
}

export const PROXY_RULES: ProxyRule[] = [
  {
    title: '`HTTP_PROXY` in upper case',
    curl: 'ignored',
    here: 'used after `http_proxy`',
    reason: 'curl guards CGI programs, to which a client can pass it; the platform is none'
  },
  {
    title: 'a proxy without a port',
    curl: '1080',
    here: '80, or 443 for an https proxy',
    reason: 'as in other programs, and in FlowForge before'
  },
  {
    title: 'SOCKS proxies',
    curl: 'used',
    here: 'told as not supported; no connection is made',
    reason: 'a ping needs HTTP proxies only'
  },
  {
    title: 'an http address',
    curl: 'the request itself goes to the proxy',
    here: '`CONNECT`, as for https',
    reason: 'the proxy learns nothing but the host and port'
  },
  {
    title: '`no_proxy=*` beside other entries; `*.example.com`; `host:port`; an address in brackets',
    curl: 'no match',
    here: 'a match',
    reason: 'it says plainly which hosts are meant'
  }
]
