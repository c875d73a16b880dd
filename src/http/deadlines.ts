/**
 * The deadlines of every request and connection, in milliseconds, as options of Fastify. Each is below a minute, so
 * that whatever a client leaves open is gone by then.
 */
export const DEADLINES = {
  /** For a whole request to arrive. */
  requestTimeout: 30_000,
  /** For an answer to be made; longer than any attempt of a ping that somebody waits for. */
  handlerTimeout: 45_000,
  /** For a connection that sends nothing and reads nothing. */
  connectionTimeout: 50_000,
  /** Between two requests of one connection. A reverse proxy has to close its spare connections earlier. */
  keepAliveTimeout: 30_000,
  http: {
    /** For the headers to arrive, and for the first byte of a new connection. */
    headersTimeout: 15_000,
    /** Node.js looks for late requests this often. */
    connectionsCheckingInterval: 5_000
  }
} as const

/** A connection beyond is closed at once: what one costs is bounded, and so is their sum. */
export const MOST_CONNECTIONS = 5_000
