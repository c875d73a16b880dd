import { Socket, type LookupFunction } from 'node:net'
import { lookUp } from '../telemetry/delivery/lookup.js'

/**
 * Makes the socket of a connection to PostgreSQL, for the option `stream` of pg. Looks up the host as for a ping: the
 * operating system's own lookup, which pg would use, holds a thread for which `process.exit` waits.
 */
export const createPostgresSocket = (): Socket => new PostgresSocket()

class PostgresSocket extends Socket {
  /** pg passes a port and a host, or the path of a Unix socket. */
  override connect (...args: unknown[]): this {
    const [port, host] = args
    if (typeof port !== 'number' || typeof host !== 'string') return super.connect(...args as [string])
    const closed = new AbortController()
    this.once('close', () => { closed.abort() })
    return super.connect({ port, host, lookup: lookUpUntil(closed.signal) })
  }
}

function lookUpUntil (signal: AbortSignal): LookupFunction {
  return (host, { all }, callback) => {
    lookUp(host, signal).then(
      (addresses) => all ? callback(null, addresses) : callback(null, addresses[0]!.address, addresses[0]!.family),
      (error: NodeJS.ErrnoException) => { callback(error, all ? [] : '') })
  }
}
