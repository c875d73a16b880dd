/**
 * Loaded before every test, and by every process that a test starts: no test ever contacts another machine.
 * A connection to anything but this one fails at once, and with it the test file that asked for it.
 */
import net from 'node:net'

const HERE = /^((.+\.)?localhost\.?|127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/

/** Names that can never belong to a machine (RFC 6761): what a test uses for a name that does not resolve. */
const NOWHERE = /\.invalid$/

const connect = net.Socket.prototype.connect

net.Socket.prototype.connect = function (this: net.Socket, ...args: Parameters<typeof connect>) {
  // Node's own callers pass one array of already normalised arguments; the rest pass what the documentation says.
  const [first, second] = (Array.isArray(args[0]) ? args[0] : args) as [unknown, unknown]
  const options = typeof first === 'object' && first !== null ? first as { host?: string, path?: string } : undefined
  const host = options ? options.host : typeof second === 'string' ? second : undefined
  if (host !== undefined && !options?.path && !HERE.test(host) && !NOWHERE.test(host)) {
    process.exitCode = 1
    const error = new Error(`a test tried to contact ${host}; name a telemetry.url on this machine`)
    process.on('exit', () => { console.error(error) })
    this.destroy(error)
    return this
  }
  return connect.apply(this, args)
} as typeof connect
