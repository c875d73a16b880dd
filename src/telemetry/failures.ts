/**
 * The descriptions and remedies of failures, as shown in the log, on pages, on the command line and in
 * docs/network.md.
 */
export interface Failure {
  /** Error codes of Node.js, undici or `delivery/`; * stands for any text. */
  codes: string[]
  /** What happened; {host} is the receiver. */
  what: string
  remedy: string
}

const PROXY = 'If this machine reaches the internet through a proxy, ' +
  'set HTTPS_PROXY, or HTTP_PROXY for an http address.'

const VARIABLES = 'HTTPS_PROXY, HTTP_PROXY or ALL_PROXY'

export const FAILURES: Failure[] = [
  {
    codes: ['PROXY_ADDRESS'],
    what: `The environment variable ${VARIABLES} does not hold the address of an HTTP proxy.`,
    remedy: 'Write it as http://host:port, and restart.'
  },
  {
    codes: ['PROXY_407'],
    what: 'The proxy asks for a user name and a password.',
    remedy: `Put them into ${VARIABLES}, as http://user:password@host:port, and restart.`
  },
  {
    codes: ['PROXY_1*', 'PROXY_2*', 'PROXY_3*', 'PROXY_4*', 'PROXY_5*'],
    what: 'The proxy did not connect to {host}.',
    remedy: 'Let the proxy allow CONNECT to this host and port, ' +
      'or name the host in NO_PROXY if it is reached without a proxy.'
  },
  {
    codes: ['PROXY_*'],
    what: 'The proxy could not be reached, or did not answer as one.',
    remedy: `Check ${VARIABLES}, and whether the proxy runs.`
  },
  {
    codes: ['ENOTFOUND', 'EAI_AGAIN'],
    what: '{host} could not be resolved.',
    remedy: `Check the DNS of this machine. ${PROXY}`
  },
  {
    codes: ['ECONNREFUSED'],
    what: '{host} refused the connection.',
    remedy: `Check telemetry.url in flowforge.yml and the firewall. ${PROXY}`
  },
  {
    codes: ['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT'],
    what: '{host} could not be reached in time.',
    remedy: `Check whether a firewall stops outgoing connections. ${PROXY}`
  },
  {
    codes: ['EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'EACCES', 'EPERM'],
    what: '{host} could not be reached.',
    remedy: `Check whether a firewall stops outgoing connections. ${PROXY}`
  },
  {
    codes: ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'],
    what: '{host} took the request but did not answer in time.',
    remedy: 'It may be busy; nothing to do here.'
  },
  {
    codes: ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'],
    what: 'The connection to {host} broke off.',
    remedy: 'A firewall or a proxy on the way may have cut it.'
  },
  {
    codes: ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'],
    what: 'The certificate of {host} is not valid at this time.',
    remedy: 'Check the clock of this machine. If it is right, the receiver has to renew its certificate.'
  },
  {
    codes: ['*CERT*', '*SELF_SIGNED*', 'UNABLE_TO_*', 'ERR_TLS_*'],
    what: 'The certificate of {host} is not trusted.',
    remedy: 'If a proxy decrypts connections on the way, set NODE_EXTRA_CA_CERTS to its certificate, and restart.'
  },
  {
    codes: ['ERR_SSL_*', 'EPROTO', 'HPE_*'],
    what: 'What answered for {host} does not speak the expected protocol.',
    remedy: 'Check the scheme and the port of telemetry.url in flowforge.yml.'
  }
]

/** Remedies by the HTTP status of the answer; * stands for any digits. */
export const STATUSES: { codes: string[], remedy: string }[] = [
  {
    codes: ['3*'],
    remedy: 'It is a redirect, which is not followed. Put the final address into telemetry.url in flowforge.yml.'
  },
  { codes: ['404'], remedy: 'There is no collector at this address. Check telemetry.url in flowforge.yml.' },
  { codes: ['407'], remedy: `A proxy on the way asks for a user name and a password. Put them into ${VARIABLES}.` },
  { codes: ['429'], remedy: 'It has had too many pings from this address; nothing to do here.' },
  { codes: ['5*'], remedy: 'It has a problem of its own; nothing to do here.' },
  {
    codes: ['4*'],
    remedy: 'It does not take this ping. A newer FlowForge may help, or another telemetry.url in flowforge.yml.'
  }
]

/** Finds the first entry that lists a code. */
export function findByCode<T extends { codes: string[] }> (entries: T[], code: string): T | undefined {
  return entries.find(({ codes }) => codes.some((pattern) => (
    new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(code))))
}
