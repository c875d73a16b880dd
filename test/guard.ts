/**
 * Loaded before every test, and by every process that a test starts: no test may contact another machine.
 * A connection to another machine fails at once, and so does the test file that tried it.
 */
import net from 'node:net'

const HERE = /^((.+\.)?localhost\.?|127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/

/** Names that never resolve (RFC 6761), which tests may use. */
const NOWHERE = /\.invalid$/

const connect = net.Socket.prototype.connect

net.Socket.prototype.connect = function (this: net.Socket, ...args: Parameters<typeof connect>) {
  // Node's own callers pass one array of normalised arguments; others pass the documented ones.
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
