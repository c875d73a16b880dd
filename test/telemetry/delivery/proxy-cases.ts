/** Which proxy a connection uses, by the environment, here and in curl. */

import type { RuleName } from '../../../docs/proxy-rules.js'

/** Two proxies, the target itself, or no connection at all. */
export type Route = 'A' | 'B' | 'direct' | 'none'

export interface ProxyCase {
  /** The environment, with `A`, `B` and `TARGET` for the ports. */
  environment: Record<string, string>
  url: string
  route: Route
  /** Where curl goes if we differ on purpose, and the rule for it; `varies` if it depends on the release of curl. */
  curl?: [route: Route | 'varies', rule: RuleName]
}

const HTTP = 'http://127.0.0.1:TARGET/'
const HTTPS = 'https://127.0.0.1:TARGET/'
const A = 'http://127.0.0.1:A'
const B = 'http://127.0.0.1:B'

const to = (url: string, environment: Record<string, string>, route: Route, curl?: ProxyCase['curl']): ProxyCase => (
  { url, environment, route, ...curl && { curl } })

const VARIABLES = [
  to(HTTP, {}, 'direct'),
  to(HTTP, { http_proxy: A }, 'A'),
  to(HTTPS, { http_proxy: A }, 'direct'),
  to(HTTPS, { https_proxy: A }, 'A'),
  to(HTTP, { https_proxy: A }, 'direct'),
  to(HTTPS, { HTTPS_PROXY: A }, 'A'),
  to(HTTP, { HTTP_PROXY: A }, 'A', ['direct', 'upperCase']),
  to(HTTP, { http_proxy: A, HTTP_PROXY: B }, 'A'),
  to(HTTPS, { https_proxy: A, HTTPS_PROXY: B }, 'A'),
  to(HTTP, { http_proxy: '', HTTP_PROXY: A }, 'A', ['direct', 'upperCase']),
  to(HTTPS, { https_proxy: '', HTTPS_PROXY: A }, 'A'),
  to(HTTP, { http_proxy: '' }, 'direct'),
  to(HTTP, { all_proxy: A }, 'A'),
  to(HTTPS, { all_proxy: A }, 'A'),
  to(HTTPS, { ALL_PROXY: A }, 'A'),
  to(HTTP, { ALL_PROXY: A }, 'A'),
  to(HTTP, { all_proxy: A, ALL_PROXY: B }, 'A'),
  to(HTTP, { all_proxy: '', ALL_PROXY: A }, 'A'),
  to(HTTP, { http_proxy: A, all_proxy: B }, 'A'),
  to(HTTP, { http_proxy: '', all_proxy: A }, 'A'),
  to(HTTP, { https_proxy: A, all_proxy: B }, 'B'),
  to(HTTPS, { HTTPS_PROXY: A, all_proxy: B }, 'A'),
  to(HTTP, { Http_Proxy: A, PROXY: A, proxy: A }, 'direct'),
  to(HTTP, { HTTP_PROXY: A, all_proxy: B }, 'A', ['B', 'upperCase'])
]

const VALUES = [
  ...['127.0.0.1:A', 'localhost:A', '[::1]:A', 'HTTP://127.0.0.1:A', `${A}/`, `${A}/path?query`, 'http://[::1]:A', 'user:secret@127.0.0.1:A',
    'http://user:secret@127.0.0.1:A', 'http://user@127.0.0.1:A'
  ].map((value) => to(HTTP, { http_proxy: value }, 'A')),
  ...['ftp://127.0.0.1:A', 'wrong://127.0.0.1:A', 'http://127.0.0.1:99999', '127.0.0.1:99999', 'http://user:secret@127.0.0.1:99999',
    'http://', '//127.0.0.1:A', 'http:127.0.0.1:A', 'http://user:sec/ret@127.0.0.1:A'
  ].map((value) => to(HTTP, { http_proxy: value }, 'none')),
  ...['socks5://127.0.0.1:A', 'socks5h://127.0.0.1:A', 'socks4://127.0.0.1:A', 'socks4a://127.0.0.1:A', 'socks://127.0.0.1:A'
  ].map((value) => to(HTTP, { http_proxy: value }, 'none', ['A', 'socks'])),
  to(HTTP, { http_proxy: 'http:///127.0.0.1:A' }, 'none', ['A', 'slashes']),
  to(HTTP, { http_proxy: ' http://127.0.0.1:A ' }, 'A', ['none', 'spaces']),
  to(HTTP, { http_proxy: ' ' }, 'direct', ['none', 'spaces']),
  to(HTTP, { http_proxy: 'https://127.0.0.1:A' }, 'A'),
  to(HTTPS, { ALL_PROXY: 'ftp://127.0.0.1:A' }, 'none'),
  to(HTTPS, { https_proxy: '127.0.0.1:A' }, 'A')
]

const without = (host: string, list: string, route: Route, curl?: ProxyCase['curl']) => (
  to(`http://${host}:TARGET/`, { http_proxy: A, no_proxy: list }, route, curl))

const EXEMPTIONS = [
  to(HTTP, { http_proxy: A, NO_PROXY: '127.0.0.1' }, 'direct'),
  to(HTTP, { http_proxy: A, no_proxy: 'other', NO_PROXY: '127.0.0.1' }, 'A'),
  to(HTTP, { http_proxy: A, No_Proxy: '*' }, 'A'),
  to(HTTP, { http_proxy: A, no_proxy: '', NO_PROXY: '127.0.0.1' }, 'direct'),
  to(HTTPS, { all_proxy: A, NO_PROXY: '127.0.0.1' }, 'direct'),
  to(HTTP, { http_proxy: 'ftp://127.0.0.1:A', no_proxy: '*' }, 'direct'),
  without('127.0.0.1', '*', 'direct'),
  without('a.localhost', '*', 'direct'),
  without('127.0.0.1', 'other, *', 'direct', ['A', 'plainWords']),
  ...['127.0.0.1', 'other,127.0.0.1', 'other, 127.0.0.1', 'other 127.0.0.1', ',,127.0.0.1,', ' 127.0.0.1 '
  ].map((list) => without('127.0.0.1', list, 'direct')),
  ...['127.0.0.2', '27.0.0.1', '127.0.0', '127.0.0.', '.0.0.1', '127.0.0.1;other', 'other', ','].map((list) => without('127.0.0.1', list, 'A')),
  without('127.0.0.1', '127.0.0.1:TARGET', 'direct', ['A', 'plainWords']),
  without('localhost', 'localhost:TARGET', 'direct', ['A', 'plainWords']),
  without('localhost', 'localhost:1', 'A'),
  without('127.0.0.1', '127.0.0.1:1', 'A'),
  ...['localhost', 'LOCALHOST', '.localhost', 'b.localhost', '.b.localhost', 'a.b.localhost', 'localhost.'
  ].map((list) => without('a.b.localhost', list, 'direct')),
  ...['localhost', '.localhost', 'LocalHost'].map((list) => without('localhost', list, 'direct')),
  ...['ocalhost', 'a.localhost', 'a', 'x.a.b.localhost', '.a.b', '*localhost', '..localhost'
  ].map((list) => without('a.b.localhost', list, 'A')),
  without('a.b.localhost', '*.localhost', 'direct', ['A', 'plainWords']),
  without('a.b.localhost', '*.b.localhost', 'direct', ['A', 'plainWords'])
]

const NETWORKS = [
  ...['127.0.0.0/8', '127.0.0.1/32', '127.0.0.1/8', '127.0.0.0/31', '127.0.0.1/', 'other,127.0.0.0/8'
  ].map((list) => without('127.0.0.1', list, 'direct')),
  ...['10.0.0.0/8', '127.0.0.2/32', '127.0.0.2/31', '127.0.0.0/', '127.0.0.0/33', '127.0.0.0/-1', '127.0.0.0/x', '127.*',
    '::/0', '::ffff:127.0.0.1'
  ].map((list) => without('127.0.0.1', list, 'A')),
  without('127.0.0.1', '0.0.0.0/0', 'direct', ['A', 'plainWords']),
  without('localhost', '127.0.0.0/8', 'A'),
  ...['::1', 'other,::1', '*'].map((list) => without('[::1]', list, 'direct')),
  ...['::1/128', '::/64', '::/127', '::/0', '0:0:0:0:0:0:0:1'].map((list) => without('[::1]', list, 'direct', ['varies', 'ipv6'])),
  ...['::2', 'fe80::/10', '::2/128', '::1/129', '127.0.0.1', '127.0.0.0/8', '0.0.0.0/0'].map((list) => without('[::1]', list, 'A')),
  without('[::1]', '[::1]', 'direct', ['A', 'plainWords']),
  without('[::1]', '[::1]:TARGET', 'direct', ['A', 'plainWords']),
  without('[::1]', '[::1]:1', 'A')
]

export const PROXY_CASES: ProxyCase[] = [...VARIABLES, ...VALUES, ...EXEMPTIONS, ...NETWORKS]
