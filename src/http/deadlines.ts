/**
 * The deadlines of every request and connection, in milliseconds, as Fastify's options. Each is below a minute, so that
 * nothing a client leaves open lasts longer.
 */
export const DEADLINES = {
  /** For a whole request to arrive. */
  requestTimeout: 30_000,
  /** For a handler to answer; longer than any attempt of a manual ping. */
  handlerTimeout: 45_000,
  /** For an idle connection. */
  connectionTimeout: 50_000,
  /** Between two requests of one connection. A reverse proxy has to close its idle connections earlier. */
  keepAliveTimeout: 30_000,
  http: {
    /** For the headers to arrive, and for the first byte of a new connection. */
    headersTimeout: 15_000,
    /** How often Node.js checks for late requests. */
    connectionsCheckingInterval: 5_000
  }
} as const

/** Further connections are closed immediately, which bounds the memory of all connections together. */
export const MOST_CONNECTIONS = 5_000
